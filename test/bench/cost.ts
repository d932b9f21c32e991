/** What a month costs: the counts of other benches held against those that the page is computed from, and the page against what comes of them. */
import { readFileSync } from 'node:fs'
import { exactly, told, type Bench, type Row } from './bench.ts'
import { CASES, COUNTED, page, total, usage } from './bill.ts'
import { events, idle } from './rows.ts'

/** By how much a count may differ from the page's: what is hourly falls on more or fewer polls. */
const SLACK = 0.15

/** Counts by the rows that say them. */
function counted(): [string, number][] {
	const { poll, alone, ten, objectBytes } = COUNTED
	const mean = (what: string): string => `idle/${what} a poll, mean with what is hourly`
	const ways = (name: string, way: typeof alone): [string, number][] => [
		[`${name}: object calls an event, alarms included`, way.calls],
		[`${name}: queue operations an event`, way.queue],
		[`${name}: rows read an event`, way.read],
		[`${name}: rows written an event`, way.written],
		[`${name}: rows of D1 written an event`, way.d1Written],
		[`${name}: storage an event`, way.stored],
	]
	return [
		[mean('alarms'), poll.rings],
		[mean('store requests'), poll.storeRequests],
		[mean('rows read'), poll.read],
		[mean('rows written'), poll.written],
		[mean('rows of D1 read'), poll.d1Read],
		[mean('rows of D1 written'), poll.d1Written],
		['idle/storage an object of the store', objectBytes],
		...ways('events/one change a notification, orders', alone),
		...ways('events/ten changes a notification, orders', ten),
	]
}

/** Counts at the smallest size; other benches of the same run have made them already. */
export const cost: Bench = {
	name: 'cost',
	about: 'dollars a month for a million events and 10 000 instances; whether docs/cost.md says so',
	sizes: 'once',
	run: async (context) => {
		const known = [...context.rows]
		for (const bench of [idle, events])
			if (!known.some((row) => row.bench.startsWith(`${bench.name}/`))) known.push(...(await bench.run(context)))
		const rows = counted().map(([name, wanted]): Row => {
			const found = known.find((row) => row.bench === name && row.n === context.n)
			if (found === undefined) throw new Error(`nothing counted ${name}`)
			const ok = Math.abs(found.value - wanted) <= Math.max(0.1, wanted * SLACK)
			return { ...found, bench: `cost/${name.replaceAll('/', ', ')}`, n: null, target: `${wanted} ± ${SLACK * 100} %`, ok }
		})
		for (const one of CASES)
			rows.push(
				told(
					`cost/polls every ${one.minutes} min, ${one.events === 'ten' ? 'ten events' : 'one event'} a notification`,
					null,
					total(usage(one)),
					'$ a month',
				),
			)
		const text = page()
		console.error(text)
		rows.push(exactly('cost/docs/cost.md says so', null, Number(readFileSync('docs/cost.md', 'utf8').includes(text)), '', 1))
		return rows
	},
}
