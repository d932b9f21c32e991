/** What needs a person's attention across instances, as sentences, and the figures of 24 hours. Pure. */
import { estimatePercentile, sumActivity } from '../../events/activity.ts'
import type { InstanceStatus } from '../../instances/overview.ts'
import { MINUTE_MS } from '../../lib/time.ts'
import { STATES_BY_SEVERITY, type ActivityReport, type InstanceState } from '../../rpc/watcher.ts'

/** A store that does not answer needs attention after this long: most come back by themselves, ms. */
const LONG_UNREACHABLE_MS = 15 * MINUTE_MS

/** Where a person fixes it: a page of the instance, or the instance itself. */
export const FIXES = ['re-authentication', 'deletions', 'mass-changes', 'subscription', 'source', 'instance'] as const
type Fix = (typeof FIXES)[number]

/** What needs attention at one instance. */
export interface AttentionItem {
	instanceId: number
	name: string
	state: InstanceState
	sinceMs: number
	/** Objects that are held, or events that wait; null: no number matters. */
	count: number | null
	/** Short sentences that follow the instance's name. */
	text: string
	fix: Fix
}

/** The figures of the last 24 hours, and what waits. Times epoch ms. */
export interface Figures {
	changes: { total: number; created: number; updated: number; deleted: number }
	delivered: { changes: number; notifications: number; p50Ms: number | null; p99Ms: number | null }
	waiting: { events: number; sinceMs: number | null; instances: number }
	recovered: number
}

/** The states that need a person. */
const FINDINGS: Partial<
	Record<InstanceState, (status: InstanceStatus) => Pick<AttentionItem, 'count' | 'text' | 'fix'>>
> = {
	deactivated: (status) => ({
		count: getCallbackWaiting(status),
		text: status.reason,
		fix: 'subscription',
	}),
	full: (status) => ({ count: status.activity?.waiting ?? null, text: status.reason, fix: 'instance' }),
	'needs-reauth': () => ({
		count: null,
		text: 'The store rejects the API key. Nothing is lost: changes are picked up once the key works.',
		fix: 're-authentication',
	}),
	'store-unreachable': ({ reason }) => ({
		count: null,
		text: `${reason} Nothing is lost: changes are picked up once the store answers.`,
		fix: 'instance',
	}),
	unreadable: ({ reason }) => ({
		count: null,
		text: `${reason} The other resources are polled as usual.`,
		fix: 'instance',
	}),
	'deletions-held': (status) => {
		const { count, objects } = describeHeld(status.activity, 'deletions')
		return {
			count,
			text: `${objects} disappeared at once. No DELETED events were sent; confirm or dismiss them.`,
			fix: 'deletions',
		}
	},
	'changes-held': (status) => {
		const { count, objects } = describeHeld(status.activity, 'changes')
		return {
			count,
			text: `${objects} changed at once. No UPDATED events were sent; confirm or dismiss them.`,
			fix: 'mass-changes',
		}
	},
	'foreign-source': ({ reason }) => ({ count: null, text: reason, fix: 'source' }),
	'callback-failing': (status) => {
		const waiting = getCallbackWaiting(status)
		return {
			count: waiting,
			text: `The callback fails. ${describeWaiting(waiting)}`,
			fix: 'subscription',
		}
	},
	'webhooks-degraded': ({ reason }) => ({
		count: null,
		text: `${reason} Meanwhile changes are found by polling.`,
		fix: 'instance',
	}),
}

/** What needs attention, worst first, then what has lasted longest. */
export function findAttention(statuses: readonly InstanceStatus[], nowMs: number): AttentionItem[] {
	return statuses
		.flatMap((status): AttentionItem[] => {
			const finding = FINDINGS[status.state]?.(status)
			const isBrief = status.state === 'store-unreachable' && nowMs - status.sinceMs <= LONG_UNREACHABLE_MS
			if (finding === undefined || isBrief) return []
			const { id: instanceId, name, state, sinceMs } = status
			return [{ instanceId, name, state, sinceMs, ...finding }]
		})
		.sort(
			(a, b) =>
				STATES_BY_SEVERITY.indexOf(a.state) - STATES_BY_SEVERITY.indexOf(b.state) ||
				a.sinceMs - b.sinceMs ||
				a.instanceId - b.instanceId,
		)
}

/** null: an object of an earlier version reported last. */
function getCallbackWaiting({ activity }: InstanceStatus): number | null {
	return activity?.callbackWaiting ?? null
}

function describeWaiting(events: number | null): string {
	if (events === null) return 'Deliveries are retried on their schedule.'
	const waiting = events === 1 ? '1 event is waiting' : `${formatNumber(events)} events are waiting`
	return `${waiting}; deliveries are retried on their schedule.`
}

/** `214 products and 30 orders`. Of an object of an earlier version the number is not known. */
function describeHeld(
	activity: ActivityReport | null,
	kind: 'deletions' | 'changes',
): { count: number | null; objects: string } {
	const held = (activity?.held ?? []).filter((one) => one[kind] > 0)
	const count = held.reduce((sum, one) => sum + one[kind], 0)
	return count === 0
		? { count: null, objects: 'Too many objects' }
		: { count, objects: held.map((one) => `${formatNumber(one[kind])} ${one.resource}`).join(' and ') }
}

const NUMBER_FORMAT = new Intl.NumberFormat('en-US')

function formatNumber(value: number): string {
	return NUMBER_FORMAT.format(value)
}

/** The figures of all instances together. */
export function sumFigures(statuses: readonly InstanceStatus[], nowMs: number): Figures {
	const activities = statuses.flatMap(({ activity }) => (activity === null ? [] : [activity]))
	const totals = sumActivity(
		activities.flatMap(({ hours }) => hours),
		nowMs,
	)
	const waiting = activities.filter((activity) => activity.waiting > 0)
	const since = waiting.flatMap(({ waitingSinceMs }) => (waitingSinceMs === null ? [] : [waitingSinceMs]))
	const { created, updated, deleted, delivered, notifications, recovered, lags } = totals
	return {
		changes: { total: created + updated + deleted, created, updated, deleted },
		delivered: {
			changes: delivered,
			notifications,
			p50Ms: estimatePercentile(lags, 0.5),
			p99Ms: estimatePercentile(lags, 0.99),
		},
		waiting: {
			events: waiting.reduce((sum, activity) => sum + activity.waiting, 0),
			sinceMs: since.length === 0 ? null : Math.min(...since),
			instances: waiting.length,
		},
		recovered,
	}
}

/** How many instances are in each state, worst first; states without an instance are left out. */
export function countStates(statuses: readonly InstanceStatus[]): { state: InstanceState; instances: number }[] {
	return STATES_BY_SEVERITY.map((state) => ({
		state,
		instances: statuses.filter((status) => status.state === state).length,
	})).filter(({ instances }) => instances > 0)
}
