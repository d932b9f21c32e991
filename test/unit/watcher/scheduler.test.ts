/** Which kind of work comes next: polls first, and every kind that waits has its turn, whatever arrives. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
	chargeStep,
	chooseResource,
	chooseStep,
	INITIAL_SCHEDULE,
	SHARES,
	WORK_KINDS,
	type SchedulerState,
	type WorkKind,
} from '../../../src/watcher/scheduler.ts'

/** Most requests of one step in these tests. */
const MAX_STEP_REQUESTS = 12

/** Requests that others may make between two turns of a kind that is always due. */
function getBound(kind: WorkKind): number {
	// It may have overdrawn its share by one step; in each round until it is even, the others use theirs and overdraw too.
	const rounds = Math.ceil(MAX_STEP_REQUESTS / SHARES[kind]) + 1
	const others = WORK_KINDS.filter((other) => other !== kind)
	return others.reduce((sum, other) => sum + rounds * SHARES[other] + MAX_STEP_REQUESTS, 0)
}

/** Does steps; `due` and `requests` say what is due at each and what it costs. */
function runSteps(steps: readonly { due: readonly WorkKind[]; requests: number }[]): (WorkKind | null)[] {
	let state: SchedulerState = INITIAL_SCHEDULE
	return steps.map(({ due, requests }) => {
		const choice = chooseStep(state, (kind) => due.includes(kind))
		if (choice === null) return null
		state = chargeStep(choice.state, choice.kind, requests)
		return choice.kind
	})
}

const anySteps = fc.array(
	fc.record({ due: fc.subarray([...WORK_KINDS]), requests: fc.integer({ min: 0, max: MAX_STEP_REQUESTS }) }),
	{ maxLength: 400 },
)

describe('the next step', () => {
	test('is none where nothing is due', () => {
		expect(chooseStep(INITIAL_SCHEDULE, () => false)).toBeNull()
	})

	test('is one of a kind that is due', () => {
		fc.assert(
			fc.property(anySteps, (steps) => {
				const chosen = runSteps(steps)
				for (const [index, kind] of chosen.entries()) {
					if (kind === null) expect(steps[index]!.due).toEqual([])
					else expect(steps[index]!.due).toContain(kind)
				}
			}),
		)
	})

	test.each(WORK_KINDS)('%s: a kind that waits has a turn within a bounded number of requests', (waiting) => {
		fc.assert(
			fc.property(anySteps, (steps) => {
				const all = steps.map(({ due, requests }) => ({ due: [...new Set([...due, waiting])], requests }))
				let waited = 0
				for (const [index, kind] of runSteps(all).entries()) {
					waited = kind === waiting ? 0 : waited + Math.max(1, all[index]!.requests)
					expect(waited).toBeLessThanOrEqual(getBound(waiting))
				}
			}),
		)
	})

	test('where everything is due all the time, each kind makes its share of the requests', () => {
		const rounds = 200
		const total = Object.values(SHARES).reduce((sum, share) => sum + share, 0)
		const chosen = runSteps(Array.from({ length: rounds * total }, () => ({ due: WORK_KINDS, requests: 1 })))
		for (const kind of WORK_KINDS) expect(chosen.filter((one) => one === kind)).toHaveLength(rounds * SHARES[kind])
	})

	test('a poll that falls due among other work comes next', () => {
		fc.assert(
			fc.property(anySteps, (steps) => {
				const others = steps.map(({ due, requests }) => ({ due: due.filter((kind) => kind !== 'run'), requests }))
				expect(runSteps([...others, { due: WORK_KINDS, requests: 1 }]).at(-1)).toBe('run')
			}),
		)
	})
})

describe('resources of one kind', () => {
	test('take turns, however often the first one is due', () => {
		let state = INITIAL_SCHEDULE
		const served: number[] = []
		for (let step = 0; step < 6; step++) {
			const choice = chooseResource(state, 'search', [{ number: 4 }, { number: 1 }, { number: 9 }])!
			served.push(choice.resource.number)
			;({ state } = choice)
		}
		expect(served).toEqual([1, 4, 9, 1, 4, 9])
	})

	test('of which none is due: null', () => {
		expect(chooseResource(INITIAL_SCHEDULE, 'search', [])).toBeNull()
	})
})
