/** Breakages that the tests must notice: each one line of the source, with the tests that are to fail. Read by `npm run mutants`. */

/** One breakage. `find` stands exactly once in `file`. */
export interface Mutant {
	name: string
	file: string
	find: string
	replace: string
	/** Test files of which at least one test must fail. */
	tests: string[]
}

const story = (name: string): string => `test/unit/watcher/stories/${name}.test.ts`
const watcher = (name: string): string => `test/unit/watcher/${name}.test.ts`

export const MUTANTS: Mutant[] = [
	// Seeing
	{
		name: 'no overlap between windows',
		file: 'src/watcher/poll.ts',
		find: 'OVERLAP_MS = 120_000',
		replace: 'OVERLAP_MS = 0',
		tests: [story('unseen')],
	},
	{
		name: 'no rule for ties',
		file: 'src/watcher/poll.ts',
		find: 'return { ...window, second: { sec: window.afterSec + 1, offset: 0, found: 0, before: null } }',
		replace: 'return { ...window, afterSec: window.afterSec + 1 }',
		tests: [story('unseen')],
	},
	{
		name: 'a second is paged once',
		file: 'src/watcher/poll.ts',
		find: 'if (before !== all)',
		replace: 'if (false)',
		tests: [watcher('poll')],
	},
	{
		name: 'the horizon goes by our own clock',
		file: 'src/watcher/windows.ts',
		find: 'Math.min(storeNowMs, core.ports.now() + (core.state.skewMs ?? 0))',
		replace: 'core.ports.now() + 0 * storeNowMs',
		tests: [story('trouble')],
	},
	{
		name: 'an old Date is believed',
		file: 'src/watcher/requests.ts',
		find: 'if (!verdict.stale) return',
		replace: 'if (verdict !== null) return',
		tests: [story('trouble')],
	},
	{
		name: 'a cache drags the clock',
		file: 'src/watcher/poll.ts',
		find: 'skewMs: Math.max(seen, skewMs)',
		replace: 'skewMs: seen',
		tests: [story('trouble')],
	},
	{
		name: 'the head’s digest is never voided',
		file: 'src/watcher/recorder.ts',
		find: 'rs.head = null',
		replace: 'void rs.head',
		tests: [story('unseen')],
	},
	{
		name: '_gmt is ignored',
		file: 'src/elements/woocommerce/resources.ts',
		find: "gmtSibling: chosenZone === 'UTC'",
		replace: 'gmtSibling: false',
		tests: [story('seed')],
	},
	{
		name: 'drift is never set after a re-read',
		file: 'src/watcher/scans.ts',
		find: 'rs.drift = total - rs.listed',
		replace: 'rs.drift = 0',
		tests: [story('deletions')],
	},
	{
		name: 'drift is never set after a search',
		file: 'src/watcher/totals.ts',
		find: 'rs.drift = search.total - rs.listed',
		replace: 'rs.drift = 0',
		tests: [story('deletions')],
	},
	{
		name: 'a scan believes any page',
		file: 'src/watcher/scan.ts',
		find: 'if (!anchored && !bridged) {',
		replace: 'if (false) {',
		tests: [watcher('scan')],
	},
	{
		name: 'a volatile field is an edit',
		file: 'src/watcher/scans.ts',
		find: 'count > VOLATILE_COUNT',
		replace: 'count > 9 * VOLATILE_COUNT',
		tests: [story('unseen')],
	},
	{
		name: 'Retry-After is not heard',
		file: 'src/watcher/poll.ts',
		find: 'Math.min(retryAfterMs ?? 0, 6 * 3_600_000)',
		replace: '0 * (retryAfterMs ?? 0)',
		tests: [story('trouble')],
	},
	{
		name: 'redirects of stores are followed',
		file: 'src/elements/woocommerce/http.ts',
		find: "redirect: 'manual'",
		replace: "redirect: 'follow'",
		tests: ['test/unit/elements/failures.test.ts', 'test/unit/elements/client.test.ts', 'test/unit/elements/store.test.ts'],
	},
	// Deciding
	{
		name: 'a 404 without its code is gone',
		file: 'src/elements/woocommerce/failures.ts',
		find: 'if (failure.status !== 404 || failure.code === null) return false',
		replace: 'if (failure.status === 404) return true',
		tests: [story('deletions')],
	},
	{
		name: 'gone after one look',
		file: 'src/watcher/gate.ts',
		find: 'if (goneAtMs === undefined || seen.askedAtMs - goneAtMs < GONE_APART_MS) {',
		replace: 'if (goneAtMs === -1) {',
		tests: [story('deletions')],
	},
	{
		name: 'an older state is believed at once',
		file: 'src/watcher/gate.ts',
		find: 'if (older(seen, known) && !(same && sameState)) {',
		replace: 'if (false) {',
		tests: [watcher('gate-rules')],
	},
	{
		name: 'a read that was overtaken is believed',
		file: 'src/watcher/gate.ts',
		find: 'if (seen.askedAtMs < known.asOfMs && !newer(seen, known)) {',
		replace: 'if (false) {',
		tests: [watcher('gate-rules')],
	},
	{
		name: 'hidden objects ring',
		file: 'src/watcher/gate.ts',
		find: "if (state === 'hidden') return { do: 'store', row }",
		replace: '',
		tests: [story('unseen')],
	},
	{
		name: 'leaving the where rings',
		file: 'src/watcher/gate.ts',
		find: "if (context.filtered && (row.state === 'unlisted' || seen.what === 'hidden')) return { do: 'store', row }",
		replace: '',
		tests: [story('settings')],
	},
	{
		name: 'what a backup brought back is the same object',
		file: 'src/watcher/gate.ts',
		find: 'if (!sameBirth) {',
		replace: 'if (false) {',
		tests: [story('deletions')],
	},
	{
		name: 'a field that came is an edit',
		file: 'src/watcher/gate.ts',
		find: 'if (onlyKeys && (!moved || cameOrWent.length === 0))',
		replace: 'if (onlyKeys && cameOrWent.length === 0)',
		tests: [story('unseen')],
	},
	{
		name: 'no brake',
		file: 'src/watcher/poll.ts',
		find: 'gone > 20 && gone * 10 > listed',
		replace: 'gone > 20 && gone < 0 && listed > 0',
		tests: [story('deletions')],
	},
	{
		name: 'any row of the trash counts',
		file: 'src/watcher/totals.ts',
		find: "page.sightings.filter((one) => one.state === 'trashed')",
		replace: "page.sightings.map((one) => ({ ...one, state: 'trashed' as const }))",
		tests: [story('deletions')],
	},
	// Recording
	{
		name: 'no transaction around a commit',
		file: 'src/watcher/core.ts',
		find: 'const result = this.ports.sql.transaction(() => {',
		replace: 'const result = ((run: () => T): T => run())(() => {',
		tests: [story('crashes')],
	},
	{
		name: 'the cursor is not kept with what it stands for',
		file: 'src/watcher/core.ts',
		find: 'if (text !== this.#saved) saveState(this.ports.sql, text)',
		replace: '',
		tests: [story('crashes')],
	},
	// Ringing
	{
		name: 'a lease never ends',
		file: 'src/watcher/outbox.ts',
		find: '(row.lease === null ? row.due <= now : row.lease <= now)',
		replace: '(row.lease === null && row.due <= now)',
		tests: [story('delivery')],
	},
	{
		name: 'an attempt’s number is not looked at',
		file: 'src/watcher/outbox.ts',
		find: 'row.settled === null && attempt === row.attempt',
		replace: 'row.settled === null && attempt > 0',
		tests: [story('delivery')],
	},
	{
		name: 'delivered counts only from the newest attempt',
		file: 'src/watcher/outbox.ts',
		find: 'if (outcome.delivered) {',
		replace: 'if (outcome.delivered && attempt === row.attempt) {',
		tests: [story('delivery')],
	},
	{
		name: 'no order per object',
		file: 'src/watcher/outbox.ts',
		find: 'of JSON.parse(row.members) as [number, number, ObjectId][]) blocked.add(',
		replace: 'of JSON.parse(row.members) as [number, number, ObjectId][]) String(',
		tests: [story('delivery')],
	},
	{
		name: 'a retry never ends early',
		file: 'src/watcher/outbox.ts',
		find: 'outcome.status === 410',
		replace: 'outcome.status === -1',
		tests: [story('delivery')],
	},
	{
		name: 'a doorbell that was answered holds back the next',
		file: 'src/watcher/engine.ts',
		find: 'if (!answer.more) core.lastRungMs = null',
		replace: '',
		tests: [story('delivery')],
	},
	{
		name: 'a doorbell is rung once',
		file: 'src/watcher/alarm.ts',
		find: 'due.lastRungMs + DOORBELL_MS',
		replace: 'due.lastRungMs + 9e9',
		tests: [story('delivery')],
	},
	{
		name: 'what is queued is pruned like what was delivered',
		file: 'src/watcher/prune.ts',
		find: "one.settled === null || one.status === 'queued'",
		replace: 'one.settled === null',
		tests: [story('crashes')],
	},
	{
		name: 'any answer below 400 is a delivery',
		file: 'src/delivery/attempt.ts',
		find: 'response.status >= 200 && response.status < 300',
		replace: 'response.status >= 200 && response.status < 400',
		tests: ['test/unit/delivery/attempt.test.ts', 'test/unit/delivery/callback.test.ts'],
	},
	{
		name: 'redirects of callbacks are followed',
		file: 'src/delivery/attempt.ts',
		find: "redirect: 'manual'",
		replace: "redirect: 'follow'",
		tests: ['test/unit/delivery/attempt.test.ts', 'test/unit/delivery/callback.test.ts'],
	},
	{
		name: 'the signature is made over parsed JSON',
		file: 'src/delivery/attempt.ts',
		find: 'body: bytes, startedMs }',
		replace: 'body: new TextEncoder().encode(JSON.stringify(JSON.parse(claim.body), null, 1)), startedMs }',
		tests: ['test/unit/delivery/attempt.test.ts', 'test/unit/delivery/callback.test.ts'],
	},
	{
		name: 'the schedule’s first step is skipped',
		file: 'src/delivery/schedule.ts',
		find: 'const step = all[n - 1]',
		replace: 'const step = all[n]',
		tests: [story('delivery')],
	},
]
