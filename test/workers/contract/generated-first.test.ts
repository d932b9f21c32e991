/** Calls made of the document: instances, elements, the account and its people. */
import { TAGS, type Tag } from '../../../src/api/http/contract.ts'
import { SECOND_SHARE, testOperations } from './generated-calls.ts'

testOperations((Object.keys(TAGS) as Tag[]).filter((tag) => !SECOND_SHARE.includes(tag)))
