/** Calls made of the document: events, notifications, the hub. */
import { SECOND_SHARE, testOperations } from './generated-calls.ts'

testOperations(SECOND_SHARE)
