/**
 * Which kind of work an instance does next: deficit round robin over requests (docs/architecture.md, Polling). In each
 * round every kind that is due may make its share of requests, polls first, so that none keeps the others waiting.
 * Pure.
 */

/** The kinds of work that ask the store, most urgent first. */
export const WORK_KINDS = [
	'run',
	'probe',
	'lookups',
	'watchdog',
	'related',
	'variations',
	'search',
	'baseline',
	'noise',
	'reread',
	'recent-reread',
] as const
export type WorkKind = (typeof WORK_KINDS)[number]

/** Requests that a kind may make in a round. */
export const SHARES: Readonly<Record<WorkKind, number>> = {
	run: 4,
	probe: 4,
	lookups: 4,
	watchdog: 1,
	related: 1,
	variations: 4,
	search: 4,
	baseline: 2,
	noise: 1,
	reread: 1,
	'recent-reread': 1,
}

/** In memory only: a new object begins a new round. */
export interface SchedulerState {
	/** Requests that each kind has left in this round; negative: its last step took more. */
	readonly left: Readonly<Record<WorkKind, number>>
	/** The number of the resource that each kind served last. */
	readonly servedResource: Readonly<Partial<Record<WorkKind, number>>>
}

/** The state at the beginning of a round. */
export const INITIAL_SCHEDULE: SchedulerState = { left: SHARES, servedResource: {} }

/** The next kind among those that are due, and the state with it; null: none is due. */
export function chooseStep(
	state: SchedulerState,
	isDue: (kind: WorkKind) => boolean,
): { kind: WorkKind; state: SchedulerState } | null {
	const due = WORK_KINDS.filter((kind) => isDue(kind))
	if (due.length === 0) return null
	// As many new rounds as the first of them needs.
	const rounds = Math.max(0, Math.min(...due.map((kind) => Math.ceil((1 - state.left[kind]) / SHARES[kind]))))
	const left = rounds === 0 ? state.left : addRounds(state.left, rounds)
	const kind = due.find((candidate) => left[candidate] > 0)
	return kind === undefined ? null : { kind, state: { ...state, left } }
}

/** The state after a step that made this many requests. One without any counts as one, so that it ends its turn too. */
export function chargeStep(state: SchedulerState, kind: WorkKind, requests: number): SchedulerState {
	return { ...state, left: { ...state.left, [kind]: state.left[kind] - Math.max(1, requests) } }
}

/** The resource whose turn it is: resources of one kind take turns by their number. */
export function chooseResource<T extends { number: number }>(
	state: SchedulerState,
	kind: WorkKind,
	due: readonly T[],
): { resource: T; state: SchedulerState } | null {
	const sorted = due.toSorted((a, b) => a.number - b.number)
	const served = state.servedResource[kind] ?? 0
	const resource = sorted.find(({ number }) => number > served) ?? sorted[0]
	if (resource === undefined) return null
	return { resource, state: { ...state, servedResource: { ...state.servedResource, [kind]: resource.number } } }
}

/** Nothing is saved up: a kind that was not due has one share, and can be served at once. */
function addRounds(left: SchedulerState['left'], rounds: number): SchedulerState['left'] {
	const entries = WORK_KINDS.map((kind) => [kind, Math.min(SHARES[kind], left[kind] + rounds * SHARES[kind])])
	return Object.fromEntries(entries) as SchedulerState['left']
}
