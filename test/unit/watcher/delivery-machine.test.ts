/** Forming, claiming and settling keep their rules whatever happens, in whatever order (see delivery-machine.ts). */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type MachineAnswer, type ConfigChange, DeliveryMachine, type MachineStep } from './delivery-machine.ts'

const RUNS = 150
const position = fc.nat({ max: 11 })
const answer = fc.oneof(
	{ weight: 8, arbitrary: fc.constant<MachineAnswer>('ok') },
	{
		weight: 7,
		arbitrary: fc.constantFrom<MachineAnswer>('lost', 404, 500, 410, 'timeout', 'abort', 'disable', 'retry'),
	},
)

const change: fc.Arbitrary<ConfigChange> = fc.oneof(
	fc.record({ filter: fc.constantFrom('none', 'none', 'types', 'where', 'resource') }),
	fc.record({
		others: fc.constantFrom<NonNullable<ConfigChange['others']>[]>([], ['all'], ['products'], ['all', 'products']),
	}),
	fc.record({ callback: fc.constantFrom('none', 'first', 'first', 'second', 'second') }),
	fc.boolean().map((coalesce): ConfigChange => ({ delivery: { coalesce } })),
	fc.constantFrom(1, 2, 20).map((batch): ConfigChange => ({ delivery: { batch } })),
	fc
		.constantFrom('retry' as const, 'queue' as const)
		.map((failurePolicy): ConfigChange => ({ delivery: { failurePolicy } })),
	fc.constantFrom(null, 5).map((rate): ConfigChange => ({ delivery: { rate } })),
	fc.constantFrom([], [10], [10, 100]).map((schedule): ConfigChange => ({ delivery: { schedule } })),
	fc.constantFrom('full' as const, 'thin' as const).map((mode): ConfigChange => ({ delivery: { mode } })),
	fc.boolean().map((enabled): ConfigChange => ({ enabled })),
)

const changes = fc.array(
	fc.record({ object: fc.nat({ max: 4 }), op: fc.constantFrom('edit', 'edit', 'edit', 'delete', 'replace') }),
	{
		minLength: 1,
		maxLength: 5,
	},
)

const step: fc.Arbitrary<MachineStep> = fc.oneof(
	{ weight: 54, arbitrary: fc.record({ kind: fc.constant('record'), changes }) },
	{ weight: 3, arbitrary: fc.record({ kind: fc.constant('record'), changes, fails: fc.constant(true) }) },
	{ weight: 1, arbitrary: fc.constant<MachineStep>({ kind: 'burst' }) },
	{
		weight: 36,
		arbitrary: fc.record({
			kind: fc.constant('doorbell'),
			limit: fc.integer({ min: 1, max: 6 }),
			as: fc.constantFrom('answered', 'answered', 'answered', 'lost', 'double'),
		}),
	},
	{
		weight: 15,
		arbitrary: fc.record({
			kind: fc.constant('admit'),
			permits: fc.constantFrom(1, 6),
			closed: fc.boolean(),
			probe: fc.boolean(),
		}),
	},
	{
		weight: 3,
		arbitrary: fc.record({ kind: fc.constant('park'), subscription: position, ms: fc.constantFrom(1_000, 600_000) }),
	},
	{
		weight: 66,
		arbitrary: fc.record({
			kind: fc.constant('post'),
			flight: position,
			answer,
			settle: fc.constantFrom('now', 'now', 'later'),
			more: fc.boolean(),
		}),
	},
	{
		weight: 24,
		arbitrary: fc.record({ kind: fc.constant('settle'), flight: position, more: fc.boolean(), again: fc.boolean() }),
	},
	{ weight: 6, arbitrary: fc.record({ kind: fc.constant('consumer-dies'), flight: position }) },
	{ weight: 12, arbitrary: fc.record({ kind: fc.constant('deliver'), answer, most: fc.constantFrom(2, 20) }) },
	{
		weight: 30,
		arbitrary: fc.constantFrom(1_000, 11_000, 46_000, 61_000, 600_000).map((ms): MachineStep => ({ kind: 'time', ms })),
	},
	{
		weight: 6,
		arbitrary: fc.constantFrom(4, 8, 16, 31).map((days): MachineStep => ({ kind: 'age', ms: days * 86_400_000 })),
	},
	{ weight: 12, arbitrary: fc.constant<MachineStep>({ kind: 'evict' }) },
	{ weight: 12, arbitrary: fc.constant<MachineStep>({ kind: 'keep' }) },
	{ weight: 6, arbitrary: fc.record({ kind: fc.constant('erase'), object: fc.nat({ max: 4 }) }) },
	{
		weight: 30,
		arbitrary: fc.record({
			kind: fc.constant('configure'),
			change,
			refresh: fc.constantFrom(true, true, false),
			release: fc.constantFrom(false, false, true),
		}),
	},
	{ weight: 12, arbitrary: fc.record({ kind: fc.constant('release'), subscription: fc.constantFrom(null, 0, 1, 2) }) },
	{
		weight: 27,
		arbitrary: fc.record({
			kind: fc.constant('replay'),
			which: fc.constantFrom('one', 'failed', 'failed', 'filter', 'dry-run'),
			position,
		}),
	},
	{ weight: 12, arbitrary: fc.record({ kind: fc.constant('cancel'), position }) },
)

/** Now and then the object stops around a commit. */
const steps = fc.array(
	fc
		.tuple(
			step,
			fc.oneof(
				{ weight: 14, arbitrary: fc.constant(undefined) },
				{ weight: 1, arbitrary: fc.constantFrom('before', 'after') },
			),
		)
		.map(([one, crash]): MachineStep => (crash === undefined ? one : { ...one, crash })),
	{ minLength: 1, maxLength: 70, size: 'max' },
)

/** What an instance begins with. */
const begin = fc
	.record({
		coalesce: fc.boolean(),
		batch: fc.constantFrom(1, 3, 20),
		failurePolicy: fc.constantFrom('retry', 'queue'),
		schedule: fc.constantFrom([], [10], [10, 100]),
		others: fc.constantFrom<NonNullable<ConfigChange['others']>[]>([], [], ['all', 'products']),
		filter: fc.constantFrom('none', 'none', 'none', 'types', 'where'),
	})
	.map(({ others, filter, ...delivery }): MachineStep => ({
		kind: 'configure',
		change: { delivery, others, filter },
		refresh: true,
		release: false,
	}))

/** What must happen in at least one run in twenty, so that the property says something. */
const HAPPENS = [
	...[
		'record',
		'burst',
		'doorbell',
		'admit',
		'park',
		'post',
		'settle',
		'consumer-dies',
		'deliver',
		'time',
		'age',
		'evict',
		'keep',
		'erase',
	],
	...[
		'configure',
		'release',
		'replay',
		'cancel',
		'crash before',
		'crash after',
		'doorbell lost',
		'doorbell double',
		'settled late',
	],
	...[
		'settled again',
		'admitted',
		'probed',
		'repeat',
		'dead',
		'released late',
		'expired',
		'pruned',
		'coalesced',
		'grown',
		'cancelled out',
	],
	...['filtered', 'cancelled', 'replayed one', 'replayed failed', 'replayed filter'],
	...['ok', 'lost', 404, 500, 410, 'timeout', 'abort', 'disable', 'retry'].map((one) => `answer ${one}`),
]

test(`${RUNS} interleavings of recording, claiming, settling and all that disturbs them keep the rules of delivery`, async () => {
	const happened = new Map<string, number>()
	await fc.assert(
		fc.asyncProperty(begin, fc.noBias(steps), async (first, all) => {
			const machine = await DeliveryMachine.create()
			await machine.play(first)
			machine.happened.clear()
			for (const one of all) await machine.play(one)
			const before = new Set(machine.happened)
			await machine.runUntilQuiet()
			// What is left to the end is done then by itself, but for what was given up.
			if (machine.happened.has('released late')) before.add('released late')
			for (const one of before) happened.set(one, (happened.get(one) ?? 0) + 1)
		}),
		{ numRuns: RUNS, seed: 20_261_123 },
	)
	const rare = HAPPENS.filter((name) => (happened.get(name) ?? 0) < RUNS / 20)
	expect(rare.map((name) => `${name}: ${happened.get(name) ?? 0} of ${RUNS}`)).toEqual([])
}, 300_000)

test('a success from before a replay that is reported after the replay has ended is a success', async () => {
	const machine = await DeliveryMachine.create()
	const play = async (...all: MachineStep[]): Promise<void> => {
		for (const one of all) await machine.play(one)
	}
	const claim: MachineStep = { kind: 'doorbell', limit: 1, as: 'answered' }
	const lease: MachineStep = { kind: 'time', ms: 46_000 }
	const forget: MachineStep = { kind: 'consumer-dies', flight: 1 }
	await play(
		{ kind: 'configure', change: { delivery: { schedule: [], batch: 1 } }, refresh: true, release: false },
		{ kind: 'record', changes: [{ object: 0, op: 'edit' }] },
		{ kind: 'post', flight: 0, answer: 'ok', settle: 'later', more: false },
		...[lease, claim, forget, lease, claim, forget, lease, claim],
		{ kind: 'replay', which: 'one', position: 0 },
		...[claim, { kind: 'post', flight: 0, answer: 500, settle: 'now', more: false } satisfies MachineStep],
	)
	expect([...machine.happened]).toEqual(expect.arrayContaining(['replayed one', 'answer 500']))
	expect(machine.statuses()).toEqual(['queued'])
	await play({ kind: 'settle', flight: 0, more: false, again: false })
	expect(machine.statuses()).toEqual(['queued, accepted'])
})
