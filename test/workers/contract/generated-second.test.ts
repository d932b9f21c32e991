/** Calls made of the document: events, notifications, the hub. */
import { SECOND, tryOperations } from './generated.ts'

tryOperations(SECOND)
