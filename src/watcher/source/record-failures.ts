/** Failures for which one record can be the reason, and what is said of them. Pure. */
import { OTHER_OBJECT_CODE, type Failure } from '../../elements/store.ts'
import { OLD_DATE_CODE } from './requests.ts'

/** Causes that concern every request. */
const STORE_CAUSES = new Set(['database', 'maintenance', 'throttled', 'no-woocommerce', 'moved'])
const RECORD_KINDS = new Set<Failure['kind']>(['server', 'timeout', 'not-json'])

/** Whether one record, or the size of an answer, can be the reason for a failure. Pure. */
export function canBeOfRecord({ kind, status, code, cure }: Failure): boolean {
	if (code === OLD_DATE_CODE || status === 503 || STORE_CAUSES.has(cure?.cause ?? '')) return false
	if (RECORD_KINDS.has(kind)) return true
	if (kind === 'unreachable') return code === 'reset'
	return kind === 'rejected' && (status === 400 || status === 404)
}

/** Whether failures of a kind, as a state names it, can be of a record. Pure. */
export function isRecordKind(kind: string): boolean {
	return RECORD_KINDS.has(kind as Failure['kind'])
}

/** Whether a failure says that an answer took too long or was too long. Pure. */
export function isBySize({ kind, status, code }: Failure): boolean {
	return kind === 'timeout' || code === 'body_too_large' || status === 504 || status === 524
}

/** What the store does, as a clause after a record's name. Pure. */
export function describeFailure({ kind, status, code }: Failure): string {
	if (code === 'body_too_large') return 'its answer is larger than 24 MB'
	if (code === OTHER_OBJECT_CODE) return 'its address gives another record'
	if (kind === 'timeout') return 'the store does not answer in time'
	if (kind === 'unreachable') return 'the connection breaks'
	if (kind === 'redirect') return 'its address redirects'
	if (status === 200) return 'the store does not answer in JSON'
	if (kind === 'not-json') return `a page answers ${status} in place of the store`
	return `the store answers ${status}`
}
