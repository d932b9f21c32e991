/** What is done with several instances at once: which, and what came of it. Pure. */
import { refused, type Result } from '../../../lib/result.ts'
import type { PageMessage } from '../../http/environment.ts'
import { formatCount } from '../../parts/text.ts'

/** Instances of one form: a page of the list. */
const MAX_INSTANCES = 200
/** Failures that the message names. */
const MAX_NAMED = 5
/** Characters of a name and of a reason: the message travels in a cookie. */
const MAX_NAME = 60
const MAX_REASON = 200

/** What can be done. */
export type BulkAction = 'pause' | 'resume' | 'poll'

const DONE: Readonly<Record<BulkAction, string>> = {
	pause: 'paused',
	resume: 'resumed',
	poll: 'polled now',
}

/** What the form asks for. `all`: all instances that the page showed. */
export function readBulkForm(form: URLSearchParams): Result<{ action: BulkAction; ids: number[] }, string> {
	const action = (Object.keys(DONE) as BulkAction[]).find((name) => name === form.get('action'))
	const named = form.getAll(form.get('all') === null ? 'id' : 'shown')
	const ids = [...new Set(named)].filter((id) => /^[1-9]\d{0,14}$/.test(id)).map(Number)
	if (action === undefined) return refused('Choose what to do: pause, resume or poll now. Nothing was changed.')
	if (ids.length === 0) return refused('Choose at least one instance. Nothing was changed.')
	if (ids.length > MAX_INSTANCES) return refused(`Choose at most ${MAX_INSTANCES} instances. Nothing was changed.`)
	return { ok: true, action, ids }
}

/** An instance with which it did not work. */
export interface BulkFailure {
	name: string
	message: string
}

/** What came of it: how many, and which failed and why. */
export function toBulkMessage(action: BulkAction, done: number, failures: readonly BulkFailure[]): PageMessage {
	const success = `${formatCount(done, 'instance')} ${DONE[action]}.`
	if (failures.length === 0) return { kind: 'ok', text: success }
	const named = failures
		.slice(0, MAX_NAMED)
		.map(({ name, message }) => `${cut(name, MAX_NAME)}: ${cut(message.replace(/\.$/, ''), MAX_REASON)}.`)
	const rest = failures.length - named.length
	return {
		kind: done === 0 ? 'bad' : 'warn',
		text: [
			...(done === 0 ? [] : [success]),
			`${formatCount(failures.length, 'instance')} failed.`,
			...named,
			...(rest === 0 ? [] : [`${formatCount(rest, 'more failure')}.`]),
		].join(' '),
	}
}

function cut(text: string, length: number): string {
	return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
