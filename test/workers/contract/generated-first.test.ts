/** Calls made of the document: instances, elements, the account and its people. */
import { TAGS, type Tag } from '../../../src/api/http/contract.ts'
import { SECOND, tryOperations } from './generated.ts'

tryOperations((Object.keys(TAGS) as Tag[]).filter((tag) => !SECOND.includes(tag)))
