/** A month's bill, computed from what the benches count, the price list, and assumptions that are said. docs/cost.md holds what comes of it. */
import { PLAN_DOLLARS, PRICE_PAGES, PRICES, PRICES_AS_OF, type PricedItem } from './prices.ts'

/** What is counted by the benches at 1 000 objects a resource; `npm run bench cost` holds each of these against what it counts. */
export const BENCH_COUNTS = {
	/** An idle poll of four resources by minutes between polls, mean with what is hourly. */
	polls: {
		5: { alarmRuns: 1, read: 60, written: 1.29, d1Read: 5.17, d1Written: 0.08, storeRequests: 5.25 },
		15: { alarmRuns: 1, read: 141, written: 1.5, d1Read: 5.5, d1Written: 0.25, storeRequests: 7.75 },
		60: { alarmRuns: 1, read: 470, written: 2, d1Read: 7, d1Written: 1, storeRequests: 13 },
	},
	/** An event's whole way when it is alone in its poll and notification: that poll and, later, pruning included. */
	alone: { calls: 3.3, queue: 3, read: 221, written: 12, d1Written: 2.6, stored: 4_900 },
	/** The same where ten are seen by one poll and sent in one notification. */
	ten: { calls: 0.38, queue: 0.4, read: 64, written: 4.2, d1Written: 0.21, stored: 4_250 },
	/** Bytes of storage an object of the store takes. */
	objectBytes: 551,
}

/** What cannot be counted here. */
export const ASSUMPTIONS = {
	instances: 10_000,
	events: 1_000_000,
	days: 30,
	resources: 4,
	objects: 1_000,
	/** Ms until a store has answered a request; the object waits in memory. */
	storeMs: 400,
	/** GB that an object is billed with while it works or waits. */
	memory: 0.128,
	/** Ms of an object's time that a call takes. */
	callMs: 5,
	/** Ms of CPU of a consumer an event, and of the cron a round. */
	consumerCpuMs: 3,
	cronCpuMs: 500,
	/** Hours between re-reads of a resource, as with orders that are stored as posts. */
	rereadHours: 24,
	/** Days that an event is kept. */
	retentionDays: 7,
	/** Objects that a re-read asks for at a time, and requests of one slice of work. */
	page: 100,
	slice: 40,
}

/** How it is run: minutes between polls, and which way the events go. */
export interface BillingCase {
	minutes: keyof typeof BENCH_COUNTS.polls
	events: 'alone' | 'ten'
}

/** Units of everything, in a month. */
export type MonthlyUsage = Record<PricedItem, number>

/** What a month uses. */
export function monthlyUsage(
	{ minutes, events }: BillingCase,
	counted = BENCH_COUNTS,
	assumed = ASSUMPTIONS,
): MonthlyUsage {
	const poll = counted.polls[minutes]
	const eventCounts = counted[events]
	const hours = assumed.days * 24
	const polls = (assumed.instances * hours * 60) / minutes
	const pages = (assumed.instances * assumed.resources * assumed.objects * (hours / assumed.rereadHours)) / assumed.page
	const slices = Math.max(pages / assumed.slice, assumed.instances * (hours / assumed.rereadHours))
	const rounds = hours * 12
	const waitedMs = (polls * poll.storeRequests + pages) * assumed.storeMs
	const calls = assumed.events * eventCounts.calls
	const doorbells = (assumed.events * eventCounts.queue) / 3
	const kept = assumed.events * eventCounts.stored * (assumed.retentionDays / assumed.days)
	return {
		workerRequests: doorbells + rounds,
		workerCpu: assumed.events * assumed.consumerCpuMs + rounds * assumed.cronCpuMs,
		objectRequests: polls * poll.alarmRuns + slices + calls,
		objectDuration: ((waitedMs + calls * assumed.callMs) / 1000) * assumed.memory,
		objectRead: polls * poll.read + pages * assumed.page + assumed.events * eventCounts.read,
		objectWritten: polls * poll.written + slices * 2 + assumed.events * eventCounts.written,
		objectStorage: (assumed.instances * assumed.resources * assumed.objects * counted.objectBytes + kept) / 1e9,
		d1Read: polls * poll.d1Read,
		d1Written: polls * poll.d1Written + assumed.events * eventCounts.d1Written,
		queue: assumed.events * eventCounts.queue,
	}
}

/** Dollars of each item beyond what is included. */
export function itemCosts(used: MonthlyUsage): MonthlyUsage {
	const items = Object.keys(PRICES) as PricedItem[]
	return Object.fromEntries(
		items.map((item) => [item, Math.max(0, used[item] - PRICES[item].included) * PRICES[item].each]),
	) as MonthlyUsage
}

/** Dollars a month, the plan included. */
export function monthlyTotal(used: MonthlyUsage): number {
	return Object.values(itemCosts(used)).reduce((sum, dollars) => sum + dollars, PLAN_DOLLARS)
}

/** The cases of the page. */
export const BILLING_CASES: readonly BillingCase[] = [
	{ minutes: 15, events: 'alone' },
	{ minutes: 15, events: 'ten' },
	{ minutes: 60, events: 'alone' },
	{ minutes: 5, events: 'alone' },
]

/** Begin and end of what is computed, in docs/cost.md. */
export const PAGE_MARKERS = ['<!-- computed: npm run bench cost -->', '<!-- end -->'] as const

/** What is computed, as Markdown. */
export function costPage(): string {
	const [first] = BILLING_CASES
	const used = monthlyUsage(first!)
	const dollars = itemCosts(used)
	const { polls, alone, ten, objectBytes } = BENCH_COUNTS
	const lines = [
		PAGE_MARKERS[0],
		'',
		`Prices of ${PRICES_AS_OF}: ${PRICE_PAGES.map((url) => `<${url}>`).join(', ')}.`,
		'',
		`## A month of ${formatThousands(ASSUMPTIONS.events)} events and ${formatThousands(ASSUMPTIONS.instances)} instances`,
		'',
		'| polling interval | events | cost per month |',
		'|---|---|---|',
		...BILLING_CASES.map(
			(billingCase) =>
				`| ${billingCase.minutes} min | ${CASE_LABELS[billingCase.events]} | **$${monthlyTotal(monthlyUsage(billingCase)).toFixed(0)}** |`,
		),
		'',
		`The first row, item by item. The plan itself costs $${PLAN_DOLLARS}.`,
		'',
		'| item | used | included | cost beyond it |',
		'|---|---|---|---|',
		...(Object.keys(PRICES) as PricedItem[]).map((item) => {
			const { name, unit, included } = PRICES[item]
			return `| ${name} | ${formatAmount(used[item])} ${unit} | ${formatAmount(included)} | $${dollars[item].toFixed(2)} |`
		}),
		'',
		'## Measured usage',
		'',
		'| | object calls | queue operations | rows read | rows written | D1 rows written | bytes stored |',
		'|---|---|---|---|---|---|---|',
		...([alone, ten] as const).map(
			(eventCounts, index) =>
				`| per event, ${index === 0 ? CASE_LABELS.alone : CASE_LABELS.ten} | ${eventCounts.calls} | ${eventCounts.queue} | ${eventCounts.read} | ${eventCounts.written} | ${eventCounts.d1Written} | ${eventCounts.stored} |`,
		),
		'',
		'An idle poll of four resources, averaged with the hourly work:',
		'',
		'| polling interval | alarms | requests to the store | rows read | rows written | D1 rows read | D1 rows written |',
		'|---|---|---|---|---|---|---|',
		...Object.entries(polls).map(
			([minutes, poll]) =>
				`| ${minutes} min | ${poll.alarmRuns} | ${poll.storeRequests} | ${poll.read} | ${poll.written} | ${poll.d1Read} | ${poll.d1Written} |`,
		),
		'',
		`An object of the store takes ${objectBytes} bytes.`,
		'',
		'## Assumptions',
		'',
		`- ${ASSUMPTIONS.resources} resources of ${formatThousands(ASSUMPTIONS.objects)} objects each. Everything is read again every ${ASSUMPTIONS.rereadHours} hours (most resources: weekly).`,
		`- A store answers within ${ASSUMPTIONS.storeMs} ms. Meanwhile the object is in memory and billed for ${ASSUMPTIONS.memory} GB; between polls it is not.`,
		`- Every event comes from a poll that also runs without it, so its poll is counted twice here. It makes no difference which instances the events come from.`,
		`- A call of an object takes ${ASSUMPTIONS.callMs} ms, a consumer ${ASSUMPTIONS.consumerCpuMs} ms of CPU per event, the cron ${ASSUMPTIONS.cronCpuMs} ms per run. Every delivery succeeds at the first attempt, before the poll that found the change has ended. One that ends later has an alarm, two rows and a row of D1 more, to tell of it; those of five minutes share them.`,
		`- Events are kept ${ASSUMPTIONS.retentionDays} days. A month has ${ASSUMPTIONS.days} days. API calls and logs are not included.`,
		'',
		PAGE_MARKERS[1],
	]
	return lines.join('\n')
}

const CASE_LABELS = {
	alone: 'one in each poll and notification',
	ten: 'ten in each poll and notification',
} as const

function formatThousands(number: number): string {
	return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

/** `28.8 M`. */
function formatAmount(number: number): string {
	for (const [size, letter] of [
		[1e9, ' G'],
		[1e6, ' M'],
	] as const)
		if (number >= size) return `${Number((number / size).toPrecision(3))}${letter}`
	return number >= 1000 ? formatThousands(Math.round(number)) : String(Number(number.toPrecision(3)))
}
