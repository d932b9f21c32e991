/**
 * What a store's lists can do, by resource, and the strategy that follows (docs/polling.md, Stores that answer
 * otherwise than asked). Pure.
 */
import type { Resource } from '../../elements/store.ts'

/** What a list can do. */
export const ABILITIES = ['modifiedOrder', 'idOrder', 'bound', 'offset', 'page', 'parts', 'total', 'trash'] as const
/**
 * `bound`: `modified_after` in GMT; `offset` and `page`: rows are skipped so; `parts`: an answer is a part of the
 * collection, not all of it; `trash`: `status=trash`.
 */
export type Ability = (typeof ABILITIES)[number]

/** What is known of an ability: since when, epoch ms, and what showed it. */
interface KnownAbility {
	works: boolean
	sinceMs: number
	example: string
}

/** What is known of a resource's lists. Absent: nothing, so that all of it is taken to work. */
export interface Abilities extends Partial<Record<Ability, KnownAbility>> {
	/** The most rows that an answer has. */
	maxRows?: { rows: number; sinceMs: number; example: string }
}

/** The example where no probe has shown that an ability is missing, only other answers. */
export const UNPROVEN_EXAMPLE = 'other answers'

/** What an answer shows of an ability. */
export interface Evidence {
	ability: Ability
	works: boolean
	example: string
}

/** Since when abilities are doubted, epoch ms, and how often probes found nothing since. */
export type Doubts = Partial<Record<Ability, { sinceMs: number; cleared: number; isStrong?: true }>>

/** How changes are polled, and how whole collections are read. */
export interface Strategy {
	/**
	 * `window`: what was modified after a bound; `head`: back from the newest ones; `newest`: the newest ids, and the
	 * whole list at least every hour; `whole`: only the latter.
	 */
	poll: 'window' | 'head' | 'newest' | 'whole'
	/** `anchored`: in the order of ids, from any offset; `plain`: page after page, whatever their order. */
	scan: 'anchored' | 'plain'
	/** How rows are skipped; null: they are not, so that only one page can be read. */
	paging: 'offset' | 'page' | null
}

/** Hours between re-reads of a resource whose answers have no total. */
export const NO_TOTAL_REREAD_HOURS = 24
/** The rows of the smallest page that is learned. */
const MIN_ROWS = 1

/** What is known after an answer. The time of what was known before stays. */
export function applyEvidence(abilities: Abilities | undefined, evidence: Evidence, nowMs: number): Abilities {
	const { ability, works, example } = evidence
	const known = abilities?.[ability]
	if (known?.works === works) return abilities ?? {}
	return { ...abilities, [ability]: { works, sinceMs: nowMs, example } }
}

/** What is known after answers of at most this many rows; null: as many as asked for. */
export function applyMaxRows(abilities: Abilities | undefined, rows: number | null, nowMs: number): Abilities {
	const { maxRows, ...others } = abilities ?? {}
	if (rows === null) return others
	if (maxRows?.rows === rows) return { ...others, maxRows }
	return { ...others, maxRows: { rows: Math.max(MIN_ROWS, rows), sinceMs: nowMs, example: `${rows} rows` } }
}

/** Whether an ability is known to be missing. */
export function lacks(abilities: Abilities | undefined, ability: Ability): boolean {
	return abilities?.[ability]?.works === false
}

/** Whether anything is known to be missing. */
export function isLimited(abilities: Abilities | undefined): boolean {
	return abilities?.maxRows !== undefined || ABILITIES.some((ability) => lacks(abilities, ability))
}

/** How a resource is read. `resource`: as configured. */
export function toStrategy(resource: Pick<Resource, 'modifiedFilter'>, abilities: Abilities | undefined): Strategy {
	const has = (ability: Ability): boolean => !lacks(abilities, ability)
	const paging = has('offset') ? 'offset' : has('page') ? 'page' : null
	return {
		poll: toPoll(resource, abilities, has),
		scan: has('idOrder') && paging === 'offset' ? 'anchored' : 'plain',
		paging,
	}
}

function toPoll(
	{ modifiedFilter }: Pick<Resource, 'modifiedFilter'>,
	abilities: Abilities | undefined,
	has: (ability: Ability) => boolean,
): Strategy['poll'] {
	if (!has('parts')) return 'whole'
	const isSorted = modifiedFilter && has('modifiedOrder')
	if (isSorted && has('bound')) return 'window'
	// An order that nothing has proven is not trusted alone.
	if (isSorted && abilities?.modifiedOrder?.works === true) return 'head'
	return has('idOrder') ? 'newest' : 'whole'
}

/** The resource as the store can give it: what reads it need not know why. */
export function toSupportedResource(resource: Resource, abilities: Abilities | undefined): Resource {
	if (abilities === undefined || !isLimited(abilities)) return resource
	const { poll } = toStrategy(resource, abilities)
	const { maxRows } = abilities
	return {
		...resource,
		modifiedFilter: resource.modifiedFilter && (poll === 'window' || poll === 'head'),
		trash: resource.trash && !lacks(abilities, 'trash') && !lacks(abilities, 'parts'),
		pageSize: Math.min(resource.pageSize, maxRows?.rows ?? resource.pageSize),
		rereadHours: lacks(abilities, 'total')
			? Math.min(resource.rereadHours, NO_TOTAL_REREAD_HOURS)
			: resource.rereadHours,
		// Which objects are the newest is not known without an order, and the pass reads all of them.
		recentHours: lacks(abilities, 'idOrder') || poll === 'newest' || poll === 'whole' ? 0 : resource.recentHours,
	}
}

/** What decides about a limit. `resource`: as configured. */
interface LimitFacts {
	resource: Pick<Resource, 'modifiedFilter' | 'rereadHours'>
	lacks: (ability: Ability) => boolean
	strategy: Strategy
	maxRows: number | null
	/** Whether the filter is known to be ignored, rather than answers that do not fit it. */
	isBoundProven: boolean
	/** Whether the list can be read as a whole. */
	isReadable: boolean
}

const PASSES = 'reading the whole list, at least every hour'

function isPassed({ strategy: { poll } }: LimitFacts): boolean {
	return poll === 'newest' || poll === 'whole'
}

/** How other changes are found, as the end of a sentence. */
function toPasses({ isReadable }: LimitFacts): string {
	return isReadable ? `by ${PASSES}` : 'only in the rows that its lists happen to show'
}

/** By code: whether something cannot be read as usual, and what happens instead, as a sentence for people. */
const LIMITS: Record<string, { applies: (facts: LimitFacts) => boolean; message: (facts: LimitFacts) => string }> = {
	'whole-list': {
		applies: (facts) => facts.lacks('parts'),
		message: () => 'The store answers every request with the whole collection: all of it is read with every poll.',
	},
	'modified-order': {
		applies: (facts) => facts.resource.modifiedFilter && facts.lacks('modifiedOrder') && !facts.lacks('parts'),
		message: (facts) =>
			facts.strategy.poll === 'newest'
				? 'The store does not sort by modified date: new objects are found with every poll, other changes ' +
					`${toPasses(facts)}.`
				: `The store sorts neither by modified date nor by id: changes are found ${toPasses(facts)}.`,
	},
	'modified-after': {
		// Without the order it is not asked for, and what its answers lack shows nothing.
		applies: (facts) =>
			facts.resource.modifiedFilter && facts.lacks('bound') && !facts.lacks('parts') && !facts.lacks('modifiedOrder'),
		message: (facts) =>
			(facts.isBoundProven
				? 'The store ignores the modified_after filter, or dates_are_gmt, so that it takes its times for local ones: ' +
					'changes are found '
				: "The store's answers to the modified_after filter do not fit it: changes are found ") +
			(facts.strategy.poll === 'head' ? 'by paging through the newest ones, with every poll.' : `${toPasses(facts)}.`),
	},
	'id-order': {
		applies: (facts) => facts.lacks('idOrder') && !facts.lacks('parts'),
		message: ({ isReadable }) =>
			'The store does not sort by id: permanent deletions are ' +
			(isReadable ? 'found by reading the whole list.' : 'not found by polls.'),
	},
	offset: {
		applies: ({ strategy }) => strategy.paging === 'page',
		message: () =>
			'The store ignores offset: lists are read by page numbers. Permanent deletions are found by reading the whole list.',
	},
	paging: {
		applies: ({ strategy, ...facts }) => strategy.paging === null && !facts.lacks('parts'),
		message: () =>
			'The store answers every page with the first one: a list that is longer than that cannot be read as a whole.',
	},
	'page-size': {
		applies: ({ maxRows }) => maxRows !== null,
		message: ({ maxRows }) => `The store answers with at most ${maxRows} rows: lists are read in pages of ${maxRows}.`,
	},
	total: {
		applies: (facts) => facts.lacks('total'),
		message: (facts) =>
			"The store's answers have no total that can be used: permanent deletions are " +
			(!facts.isReadable
				? 'not found by polls.'
				: isPassed(facts)
					? `found by ${PASSES}.`
					: 'found by reading the whole list daily (or as often as event.poller.reread says).'),
	},
	trash: {
		applies: (facts) => facts.lacks('trash'),
		message: () =>
			'The store ignores status=trash: trashed objects are found like permanently deleted ones, and sent as trashed.',
	},
}

/** The codes of `toAbilityLimits`. */
export const ABILITY_LIMITS = Object.keys(LIMITS)

/** What cannot be read as usual, by code, as sentences for people. `resource`: as configured. */
export function toAbilityLimits(
	resource: Resource,
	abilities: Abilities | undefined,
	isReadable = true,
): Record<string, string> {
	const facts: LimitFacts = {
		resource,
		lacks: (ability) => lacks(abilities, ability),
		strategy: toStrategy(resource, abilities),
		maxRows: abilities?.maxRows?.rows ?? null,
		isBoundProven: abilities?.bound?.example !== UNPROVEN_EXAMPLE,
		isReadable,
	}
	return Object.fromEntries(
		Object.entries(LIMITS).flatMap(([code, { applies, message }]) => (applies(facts) ? [[code, message(facts)]] : [])),
	)
}
