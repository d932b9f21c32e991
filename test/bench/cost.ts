/** What a month costs: the counts of other benches held against those that the page is computed from, and the page against what comes of them. */
import { readFileSync } from 'node:fs'
import { exactly, reported, type Bench, type BenchRow } from './bench.ts'
import { BILLING_CASES, BENCH_COUNTS, costPage, monthlyTotal, monthlyUsage } from './bill.ts'
import { eventsBench, IDLE_INTERVALS, idleBench, toMeanName } from './rows.ts'

/** By how much a count may differ from the page's: what is hourly falls on more or fewer polls. */
const TOLERANCE = 0.15

/** Counts by the rows that say them. */
function countedRows(): [string, number][] {
	const { polls, alone, ten, objectBytes } = BENCH_COUNTS
	const eventRows = (name: string, eventCounts: typeof alone): [string, number][] => [
		[`${name}: object calls an event, alarms included`, eventCounts.calls],
		[`${name}: queue operations an event`, eventCounts.queue],
		[`${name}: rows read an event`, eventCounts.read],
		[`${name}: rows written an event`, eventCounts.written],
		[`${name}: rows of D1 written an event`, eventCounts.d1Written],
		[`${name}: storage an event`, eventCounts.stored],
	]
	return [
		...IDLE_INTERVALS.flatMap((minutes): [string, number][] => {
			const poll = polls[minutes]
			return [
				[toMeanName('alarms', minutes), poll.alarmRuns],
				[toMeanName('store requests', minutes), poll.storeRequests],
				[toMeanName('rows read', minutes), poll.read],
				[toMeanName('rows written', minutes), poll.written],
				[toMeanName('rows of D1 read', minutes), poll.d1Read],
				[toMeanName('rows of D1 written', minutes), poll.d1Written],
			]
		}),
		['idle/storage an object of the store', objectBytes],
		...eventRows('events/one change a notification, orders', alone),
		...eventRows('events/ten changes a notification, orders', ten),
	]
}

/** Counts at the smallest size; other benches of the same run have made them already. */
export const costBench: Bench = {
	name: 'cost',
	about: 'dollars a month for a million events and 10 000 instances; whether docs/cost.md says so',
	sizes: 'once',
	run: async (context) => {
		const known = [...context.rows]
		for (const bench of [idleBench, eventsBench])
			if (!known.some((row) => row.bench.startsWith(`${bench.name}/`))) known.push(...(await bench.run(context)))
		const rows = countedRows().map(([name, expected]): BenchRow => {
			const found = known.find((row) => row.bench === name && row.n === context.n)
			if (found === undefined) throw new Error(`nothing counted ${name}`)
			const ok = Math.abs(found.value - expected) <= Math.max(0.1, expected * TOLERANCE)
			return {
				...found,
				bench: `cost/${name.replaceAll('/', ', ')}`,
				n: null,
				target: `${expected} ± ${TOLERANCE * 100} %`,
				ok,
			}
		})
		for (const billingCase of BILLING_CASES)
			rows.push(
				reported(
					`cost/polls every ${billingCase.minutes} min, ${billingCase.events === 'ten' ? 'ten events' : 'one event'} a notification`,
					null,
					monthlyTotal(monthlyUsage(billingCase)),
					'$ a month',
				),
			)
		const text = costPage()
		console.error(text)
		rows.push(
			exactly('cost/docs/cost.md says so', null, Number(readFileSync('docs/cost.md', 'utf8').includes(text)), '', 1),
		)
		return rows
	},
}
