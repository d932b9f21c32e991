/**
 * `npm run fold -- [--runs n] [--seed n] [--all | --deviation name]`: many stories of the fold, with progress; `--all`: of each way in which a store may answer
 * otherwise than asked, equally many. Prints the seed; a story that fails is printed whole and ends the run with exit 1. Runs on every core.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import fc from 'fast-check'
import { DEVIATIONS } from '../test/support/fold-deviations.ts'
import { deviantStoryArbitrary, playStory, storyArbitrary, type Story } from '../test/support/fold.ts'

interface Share {
	seed: number
	runs: number
	/** Deviations of which stories are told in turn; null: of any or none. */
	deviations: string[] | null
}

interface Report {
	done: number
	failed: string | null
}

const REPORT_INTERVAL = 10

const STEPS = { min: 30, max: 45 }

function toStories({ seed, runs, deviations }: Share): Story[] {
	if (deviations === null)
		return fc.sample(fc.oneof(storyArbitrary(STEPS), deviantStoryArbitrary(STEPS)), { numRuns: runs, seed })
	return Array.from({ length: runs }, (_, index) => {
		const arbitrary = deviantStoryArbitrary(STEPS, deviations[index % deviations.length])
		return fc.sample(arbitrary, { numRuns: 1, seed: seed * 1_000 + index })[0]!
	})
}

async function runShare(share: Share): Promise<void> {
	const stories = toStories(share)
	for (const [index, generated] of stories.entries()) {
		let failed: string | null = null
		try {
			const { judgement } = await playStory(generated)
			const violations =
				judgement.missed + judgement.duplicates + judgement.invented + judgement.renamed + judgement.disordered
			if (violations > 0)
				failed = JSON.stringify({ seed: share.seed, index, details: judgement.details, tale: generated })
		} catch (error) {
			failed = JSON.stringify({
				seed: share.seed,
				index,
				error: error instanceof Error ? error.stack : String(error),
				tale: generated,
			})
		}
		if (failed !== null || (index + 1) % REPORT_INTERVAL === 0 || index + 1 === stories.length)
			parentPort?.postMessage({ done: index + 1, failed } satisfies Report)
	}
}

async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			runs: { type: 'string', default: '1000' },
			seed: { type: 'string' },
			all: { type: 'boolean', default: false },
			deviation: { type: 'string' },
		},
	})
	if (values.deviation !== undefined && DEVIATIONS[values.deviation] === undefined) {
		console.error(`fold: --deviation is one of ${Object.keys(DEVIATIONS).join(', ')}`)
		process.exit(1)
	}
	const deviations = values.deviation !== undefined ? [values.deviation] : values.all ? Object.keys(DEVIATIONS) : null
	const runs = Number(values.runs)
	const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed)
	if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(seed)) {
		console.error('fold: --runs takes a whole number from 1, --seed a whole number')
		process.exit(1)
	}
	const shares = Math.min(runs, availableParallelism())
	const done = Array.from({ length: shares }, () => 0)
	const failures: string[] = []
	const startedMs = Date.now()
	console.error(`fold: ${runs} stories, seed ${seed}`)
	await Promise.all(
		done.map(
			(_, index) =>
				new Promise<void>((resolve, reject) => {
					const share: Share = {
						seed: seed + index,
						runs: Math.floor(runs / shares) + (index < runs % shares ? 1 : 0),
						deviations,
					}
					const worker = new Worker(import.meta.filename, { workerData: share })
					worker.on('message', (report: Report) => {
						done[index] = report.done
						if (report.failed !== null) {
							failures.push(report.failed)
							console.log(report.failed)
						}
						const all = done.reduce((sum, count) => sum + count, 0)
						const secondsLeft = Math.round((((Date.now() - startedMs) / all) * (runs - all)) / 1000)
						if (all % 100 < REPORT_INTERVAL || all === runs)
							console.error(`fold: ${all} of ${runs}, ${failures.length} failed, about ${secondsLeft} s to go`)
					})
					worker.on('error', reject)
					worker.on('exit', () => resolve())
				}),
		),
	)
	console.log(
		JSON.stringify({ runs, seed, failed: failures.length, seconds: Math.round((Date.now() - startedMs) / 1000) }),
	)
	process.exit(failures.length === 0 ? 0 : 1)
}

if (isMainThread) await main()
else await runShare(workerData as Share)
