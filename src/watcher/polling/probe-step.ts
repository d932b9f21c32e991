/** Asks a store what its lists can do, when an answer raised a doubt, and weekly for what does not work. */
import { ABILITIES, applyEvidence, applyMaxRows, lacks, UNPROVEN_EXAMPLE } from '../core/abilities.ts'
import type { Abilities, Ability, Evidence } from '../core/abilities.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { ResourceState } from '../core/resource-state.ts'
import { noteOneAnswer } from '../core/freshness.ts'
import { canBeOfRecord } from '../source/record-failures.ts'
import { getSample, StoreError, type SliceBudget } from '../source/requests.ts'
import { isSameKnowledge, setAbilities } from '../changes/known-abilities.ts'
import { noteDoubt, PROBE_DELAY_MS } from '../source/doubts.ts'
import {
	evaluateProbe,
	isSameEverywhere,
	isSameRows,
	getNewestSec,
	PROBE_HEAD_ROWS,
	PROBE_ROWS,
	type ProbeAnswer,
	type ProbeAnswers,
} from './ability-probe.ts'
import type { ListQuery } from '../../elements/store.ts'

/** Doubts that so many probes did not confirm are believed: the answers are wrong at other times. */
const MAX_CLEARED = 2
/** An alarm may be a little early. */
const SLACK_MS = 5_000
/** Sizes of pages that are tried where a store refuses the one that is configured. */
const SMALLER_PAGES = [50, 25, 10, 5, 1]

/** Makes the requests of a probe, and takes over what they show. Throws StoreError. */
export async function probeStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { state: rs } = watched
	const answers = await askAbilities(core, watched, budget)
	if (answers === null) {
		noteOneAnswer(rs, watched.resource.objectType, core.ports.now())
		delete rs.probeMs
		delete rs.doubts
		rs.probedMs = core.ports.now()
		return
	}
	const maxRows = await findMaxRows(core, watched, budget)
	const now = core.ports.now()
	delete rs.probeMs
	// A baseline that was out of reach is tried again.
	delete rs.outOfReach
	rs.probedMs = now
	const evidence = evaluateProbe(answers)
	let abilities: Abilities = applyMaxRows(rs.abilities, maxRows, now)
	for (const found of decide(watched, evidence, now)) abilities = applyEvidence(abilities, found, now)
	if (isSameKnowledge(rs.abilities, abilities)) return
	setAbilities(core, watched, abilities)
	// What was not found because of it need not wait for the next poll.
	core.state.nextPollMs = now
}

/** What is believed of the evidence: what is missing when two answers say so, some time apart. Keeps the doubts. */
function decide({ state: rs }: WatchedResource, evidence: readonly Evidence[], now: number): Evidence[] {
	const believed = ABILITIES.flatMap((ability) => {
		const found = evidence.findLast((one) => one.ability === ability)
		if (lacks(rs.abilities, ability)) return found?.works === true ? [found] : []
		if (found?.works === false) return believeMissing(rs, found, now)
		const isProof = ability === 'modifiedOrder' && found?.works === true
		if (isProof && rs.abilities?.modifiedOrder === undefined) return [found]
		return believeDoubt(rs, ability, found !== undefined)
	})
	for (const { ability } of believed) if (rs.doubts !== undefined) delete rs.doubts[ability]
	return believed
}

function believeMissing(rs: ResourceState, found: Evidence, now: number): Evidence[] {
	const doubt = rs.doubts?.[found.ability]
	if (doubt !== undefined && now - doubt.sinceMs >= PROBE_DELAY_MS - SLACK_MS) return [found]
	noteDoubt(rs, found.ability, now)
	return []
}

/** A doubt that a probe does not confirm. `isCleared`: the probe shows that the ability works. */
function believeDoubt(rs: ResourceState, ability: Ability, isCleared: boolean): Evidence[] {
	const doubt = rs.doubts?.[ability]
	if (doubt === undefined) return []
	const cleared = doubt.cleared + 1
	rs.doubts = { ...rs.doubts, [ability]: { ...doubt, cleared } }
	const isUndecided = doubt.isStrong === true && !isCleared
	return cleared >= MAX_CLEARED || isUndecided ? [{ ability, works: false, example: UNPROVEN_EXAMPLE }] : []
}

/** Null: a cache gives one answer to every question. Throws StoreError. */
async function askAbilities(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<ProbeAnswers | null> {
	const ask = (query: ListQuery): Promise<ProbeAnswer | undefined> => askList(core, watched, query, budget)
	const configured = watched.configured ?? watched.resource
	const answers: ProbeAnswers = {}
	answers.first = await ask({ order: 'id-asc', limit: PROBE_ROWS })
	const rows = answers.first?.rows ?? []
	const isOneForAll = async (): Promise<boolean> => {
		const one = await ask({ order: 'id-asc', onlyId: rows[0]!.id, limit: 1 })
		return one != null && isSameRows(one.rows, rows)
	}
	if (answers.first?.isWholeList === true)
		return rows.length > 1 && rows.length < watched.state.listed && (await isOneForAll()) ? null : answers
	answers.last = await ask({ order: 'id-desc', limit: PROBE_ROWS })
	answers.offset = await ask({ order: 'id-asc', offset: PROBE_ROWS, limit: PROBE_ROWS, paging: 'offset' })
	if (isSameEverywhere(answers) && (await isOneForAll())) return null
	answers.page = await ask({ order: 'id-asc', offset: PROBE_ROWS, limit: PROBE_ROWS, paging: 'page' })
	if (configured.modifiedFilter) Object.assign(answers, await askByDate(ask))
	if (configured.trash && (lacks(watched.state.abilities, 'trash') || watched.state.doubts?.trash !== undefined))
		answers.trash = await ask({ order: 'modified-desc', trashed: true, limit: 1 })
	return answers
}

/** What the orders and the bound by modified date show. Throws StoreError. */
async function askByDate(ask: (query: ListQuery) => Promise<ProbeAnswer | undefined>): Promise<Partial<ProbeAnswers>> {
	const head = await ask({ order: 'modified-desc', limit: PROBE_HEAD_ROWS })
	const tail = await ask({ order: 'modified-asc', limit: PROBE_HEAD_ROWS })
	const newestSec = getNewestSec(head?.rows ?? [])
	if (newestSec === null) return { head, tail }
	const since = await ask({ order: 'modified-asc', modifiedAfterSec: newestSec - 2, limit: PROBE_HEAD_ROWS })
	const known = new Set(head?.rows.map(({ id }) => id))
	const isNewer = since?.rows.some(({ id }) => !known.has(id)) === true
	return {
		head,
		tail,
		since,
		...(isNewer && { headAgain: await ask({ order: 'modified-desc', limit: PROBE_HEAD_ROWS }) }),
	}
}

/** The most rows that the store gives; null: as many as are configured. */
async function findMaxRows(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<number | null> {
	const limit = (watched.configured ?? watched.resource).pageSize
	const isCut = (answer: NonNullable<ProbeAnswer>, size: number): boolean =>
		!answer.isWholeList && answer.rows.length > 0 && answer.rows.length * 2 <= Math.min(size, answer.total ?? size)
	const page = await askList(core, watched, { order: 'id-asc', limit }, budget)
	const known = watched.state.abilities?.maxRows?.rows
	if (page === undefined) return known ?? null
	if (page === null) {
		for (const size of SMALLER_PAGES.filter((rows) => rows < limit))
			if ((await askList(core, watched, { order: 'id-asc', limit: size }, budget)) != null) return size
		return null
	}
	if (!isCut(page, limit)) return null
	// Some rows may be dropped after paging: one of half the size would then be short too.
	const rows = page.rows.length
	if (known === rows) return rows
	const again = await askList(core, watched, { order: 'id-desc', limit }, budget)
	if (again?.rows.length !== rows) return null
	// The same rows at either end are a whole list, whatever the total says.
	const ids = new Set(page.rows.map(({ id }) => id))
	return again.rows.every(({ id }) => ids.has(id)) ? null : rows
}

/** The rows of a list that is not held against the query; null: the store refuses it; undefined: it fails. */
async function askList(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	budget: SliceBudget,
): Promise<ProbeAnswer | undefined> {
	try {
		const { snapshots, total, isWholeList } = await getSample(core, watched, query, budget)
		const pinned = new Set(watched.state.pinned)
		const shown = snapshots.filter(
			({ id }, index) => !pinned.has(id) && snapshots.findIndex((other) => other.id === id) === index,
		)
		const rows = shown.map(({ id, listModifiedSec, createdSec, state }) => ({
			id,
			modifiedSec: listModifiedSec,
			createdSec,
			trashed: state === 'trashed',
		}))
		return { rows, total, isWholeList }
	} catch (error) {
		if (!(error instanceof StoreError)) throw error
		const { kind, status } = error.failure
		// A record may spoil the list, with a 404 too; that says nothing about what was asked. A 400 is about that.
		if (kind !== 'rejected' || status === 404) {
			if (canBeOfRecord(error.failure)) return undefined
		} else return null
		throw error
	}
}
