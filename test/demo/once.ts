/** The demo without anybody watching: it plays, becomes quiet, and is judged against the store's journal; one line of JSON says how it went. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { anyFreePort } from '../../scripts/local/ports.ts'
import { judge, type Judgement } from '../support/oracle.ts'
import { Terminal } from './screen.ts'
import { baselineFaults, play, shortfall } from './scenario.ts'
import { becomeQuiet, setStage, snapshot, type Stage } from './stage.ts'
import { lackingWays, waysOf } from './ways.ts'

/** Seconds between polls and between re-reads; beside webhooks, of which every tenth is lost, polls keep to the floor. */
const POLLED = { pollSeconds: 3, rereadSeconds: 18, webhooks: null }
const TOLD = { pollSeconds: 15, rereadSeconds: 30, webhooks: { dropEvery: 10 } }

/** Everything is judged by then, ms after the process began. */
const DEADLINE_MS = 168_000

/** Plays once. Returns the exit code: 0 only where nothing was missed, doubled, invented, disordered or badly signed. */
export async function playOnce(seed: number, webhook: boolean, signal: AbortSignal): Promise<number> {
	const beganMs = performance.timeOrigin
	const terminal = new Terminal(process.stderr)
	const dir = mkdtempSync(join(tmpdir(), 'shopbell-demo-'))
	const say = (what: string): void => terminal.line(`  ${((Date.now() - beganMs) / 1000).toFixed(1).padStart(6)} s  ${what}`)
	let stage: Stage | null = null
	let good = false
	try {
		const ports = { shop: await anyFreePort(), bell: await anyFreePort(), callback: await anyFreePort() }
		stage = await setStage({
			dir,
			seed,
			ports,
			...(webhook ? TOLD : POLLED),
			signal,
			step: (name, work, tell) => terminal.step(name, work, tell),
			beforeInstance: (store) => store.setFaults(baselineFaults(seed)),
		})
		await play(stage.store, stage.callback, seed, signal, say, webhook)
		say('the shop stands still')
		const quiet = await becomeQuiet(stage, beganMs + DEADLINE_MS, signal)
		say(quiet ? 'everything is quiet' : 'time is up before everything was quiet')
		const ways = webhook ? await waysOf(stage) : null
		const lacks = [...shortfall(stage.store.journal()), ...(ways === null ? [] : lackingWays(ways))]
		for (const one of lacks) say(`the story lacks ${one}`)
		const judgement = judgeStage(stage)
		for (const { kind, object, note } of judgement.details.slice(0, 40)) say(`${kind} ${object}: ${note}`)
		const badSignatures = stage.callback.arrivals.filter(({ signed }) => signed === false).length
		const { missed, duplicates, invented, renamed, disordered } = judgement
		good = quiet && lacks.length === 0 && missed + duplicates + invented + renamed + disordered + badSignatures === 0
		process.stdout.write(`${JSON.stringify({ ...summary(stage, judgement, seed, badSignatures, beganMs), ...ways })}\n`)
	} finally {
		await stage?.close()
		// What went wrong can be looked up in its logs.
		if (good || signal.aborted) rmSync(dir, { recursive: true, force: true })
		else say(`logs are kept in ${dir}`)
	}
	return good ? 0 : 1
}

function judgeStage({ store, callback, start, t0Ms, baselineEndMs }: Stage): Judgement {
	return judge({ journal: store.journal(), start, final: snapshot(store), t0Ms, baselineEndMs, arrivals: callback.deliveries })
}

function summary(
	{ store, callback }: Stage,
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
