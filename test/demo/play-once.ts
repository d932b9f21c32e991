/** The demo without anybody watching: it plays, becomes quiet, and is judged against the store's journal; one line of JSON says how it went. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { anyFreePort } from '../../scripts/local/ports.ts'
import { judge, type Judgement } from '../support/oracle.ts'
import { Terminal } from './screen.ts'
import { baselineFaults, playScenario, findShortfalls } from './scenario.ts'
import { waitUntilQuiet, createStage, snapshotStore, type DemoStage } from './stage.ts'
import { findMissingSources, countEventSources } from './event-sources.ts'

/** Seconds between polls and between re-reads; beside webhooks, of which every tenth is lost, polls keep to the floor. */
const POLLING_INTERVALS = { pollSeconds: 3, rereadSeconds: 18, webhooks: null }
const WEBHOOK_INTERVALS = { pollSeconds: 15, rereadSeconds: 30, webhooks: { dropEvery: 10 } }

/** Everything is judged by then, ms after the process began. */
const DEADLINE_MS = 168_000

/** Plays once. Returns the exit code: 0 only where nothing was missed, doubled, invented, disordered or badly signed. */
export async function playOnce(seed: number, webhook: boolean, signal: AbortSignal): Promise<number> {
	const beganMs = performance.timeOrigin
	const terminal = new Terminal(process.stderr)
	const dir = mkdtempSync(join(tmpdir(), 'shopbell-demo-'))
	const log = (message: string): void =>
		terminal.line(`  ${((Date.now() - beganMs) / 1000).toFixed(1).padStart(6)} s  ${message}`)
	let stage: DemoStage | null = null
	let passed = false
	try {
		const ports = { shop: await anyFreePort(), worker: await anyFreePort(), callback: await anyFreePort() }
		stage = await createStage({
			dir,
			seed,
			ports,
			...(webhook ? WEBHOOK_INTERVALS : POLLING_INTERVALS),
			signal,
			step: (name, work, describe) => terminal.step(name, work, describe),
			beforeInstance: (store) => store.setFaults(baselineFaults(seed)),
		})
		await playScenario(stage.store, stage.callback, seed, signal, log, webhook)
		log('the shop stands still')
		const quiet = await waitUntilQuiet(stage, beganMs + DEADLINE_MS, signal)
		log(quiet ? 'everything is quiet' : 'time is up before everything was quiet')
		const eventSources = webhook ? await countEventSources(stage) : null
		const shortfalls = [
			...findShortfalls(stage.store.journal()),
			...(eventSources === null ? [] : findMissingSources(eventSources)),
		]
		for (const shortfall of shortfalls) log(`the story lacks ${shortfall}`)
		const judgement = judgeStage(stage)
		for (const { kind, object, note } of judgement.details.slice(0, 40)) log(`${kind} ${object}: ${note}`)
		const badSignatures = stage.callback.arrivals.filter(({ signed }) => signed === false).length
		const { missed, duplicates, invented, renamed, disordered } = judgement
		passed =
			quiet && shortfalls.length === 0 && missed + duplicates + invented + renamed + disordered + badSignatures === 0
		process.stdout.write(
			`${JSON.stringify({ ...summary(stage, judgement, seed, badSignatures, beganMs), ...eventSources })}\n`,
		)
	} finally {
		await stage?.close()
		// What went wrong can be looked up in its logs.
		if (passed || signal.aborted) rmSync(dir, { recursive: true, force: true })
		else log(`logs are kept in ${dir}`)
	}
	return passed ? 0 : 1
}

function judgeStage({ store, callback, initialObjects: start, t0Ms, baselineEndMs }: DemoStage): Judgement {
	return judge({
		journal: store.journal(),
		start,
		final: snapshotStore(store),
		t0Ms,
		baselineEndMs,
		arrivals: callback.acceptedEvents,
	})
}

function summary(
	{ store, callback }: DemoStage,
	judgement: Judgement,
	seed: number,
	badSignatures: number,
	beganMs: number,
): Record<string, number | null> {
	const { created, updated, deleted, missed, duplicates, invented, repeats, lagP50Ms, lagP99Ms } = judgement
	const first = callback.arrivals.find(({ status }) => status !== null && status < 300)
	return {
		seed,
		journal: store.journal().length,
		events: created + updated + deleted,
		created,
		updated,
		deleted,
		missed,
		duplicates,
		invented,
		repeats,
		badSignatures,
		storeRequests: store.requests,
		firstEventMs: first === undefined ? null : Math.round(first.timeMs - beganMs),
		lagP50Ms,
		lagP99Ms,
	}
}
