/** What Home says: its heading, the figures, and what each button is called. Pure. */
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { overviewOperations } from '../../../api/instances/overview-operations.ts'
import { formatCount, formatDuration, formatNumber } from '../../parts/text.ts'

/** All instances together, as `getOverview` returns them. */
export type Overview = OperationResponse<(typeof overviewOperations)['getOverview']>
/** An instance that needs attention. */
export type AttentionEntry = Overview['attention']['items'][number]

const NUMBERS = ['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine', 'Ten']

/** The heading: how much there is to do. */
export function toHeadline(total: number): string {
	if (total === 0) return 'Nothing needs your attention'
	const number = NUMBERS[total] ?? formatNumber(total)
	return total === 1 ? `${number} thing needs your attention` : `${number} things need your attention`
}

/** `7 instances, 5 healthy`. The list has the other states. */
export function toStatesLine({ total, states }: Overview['instances']): string {
	const healthy = states.find(({ state }) => state === 'healthy')?.instances ?? 0
	return `${formatCount(total, 'instance')}, ${healthy === total ? 'all' : formatNumber(healthy)} healthy`
}

const BUTTONS: Readonly<Record<AttentionEntry['fix'], string>> = {
	're-authentication': 'Update key',
	deletions: 'Review',
	'mass-changes': 'Review',
	subscription: 'Review deliveries',
	source: 'Review',
	instance: 'Open',
}

/** Where the fix is, and what its button is called. Who may not fix it sees the instance. */
export function toFixLink({ instanceId, fix }: AttentionEntry, mayFix: boolean): { href: string; label: string } {
	const href = `/instances/${instanceId}`
	return fix === 'instance' || !mayFix
		? { href, label: BUTTONS.instance }
		: { href: `${href}/${fix}`, label: BUTTONS[fix] }
}

/** The four figures, each with a line that explains it. */
export function toFigures(
	{ changes, delivered, waiting, recovered }: Overview,
	nowMs: number,
): { name: string; value: string; note: string }[] {
	const { p50Ms, p99Ms } = delivered
	return [
		{
			name: 'Changes detected, 24 h',
			value: formatNumber(changes.total),
			note: (['updated', 'created', 'deleted'] as const)
				.map((kind) => `${formatNumber(changes[kind])} ${kind}`)
				.join(', '),
		},
		{
			name: 'Delivered, 24 h',
			value: formatNumber(delivered.changes),
			note:
				p50Ms === null || p99Ms === null
					? 'to callbacks that accepted them'
					: `p50 ${formatDuration(p50Ms)}, p99 ${formatDuration(p99Ms)} after the change`,
		},
		{
			name: 'Waiting',
			value: formatNumber(waiting.events),
			note:
				waiting.since === null
					? 'no event waits'
					: `oldest ${formatAge(waiting.since, nowMs)}, in ${formatCount(waiting.instances, 'instance')}`,
		},
		{
			name: 'Recovered by polling, 24 h',
			value: formatNumber(recovered),
			note: 'changes whose webhook never arrived',
		},
	]
}

function formatAge(since: string, nowMs: number): string {
	return formatDuration(Math.max(0, nowMs - Date.parse(since)))
}
