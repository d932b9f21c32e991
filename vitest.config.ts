import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { layOutAssets } from './scripts/assets.js'

// Pages import the list of assets, which is generated.
await layOutAssets()

const CORES = availableParallelism()
/** Three more than cores: while some files wait, the others compute. */
const WORKERS = CORES + 3

/** Projects whose files wait for the Worker's clocks most of the time. */
const WAITING = ['e2e', 'browser']

/** How long files take beside others, s. Only the order rests on it: of a clean clone nothing is known but how large files are. */
const SECONDS: Readonly<Record<string, number>> = {
	'browser/screens': 240,
	'browser/stories/connect': 90,
	'browser/stories/instance': 70,
	'browser/pages': 50,
	'browser/elements': 20,
	'browser/inspect': 5,
	'e2e/commands': 70,
	'e2e/crash': 50,
	'e2e/backup': 45,
	'e2e/story': 30,
	'e2e/curls': 20,
	'e2e/webhooks': 15,
	'e2e/isolation': 10,
	'faults/short': 40,
	'unit/watcher/fold-deviations': 70,
	'unit/watcher/stories/deviations-lists': 70,
	'unit/watcher/fold-webhooks': 60,
	'unit/watcher/stories/deviations-records': 55,
	'unit/watcher/fold-first': 45,
	'unit/watcher/fold-second': 45,
	'unit/watcher/stories/answers': 45,
	'unit/watcher/stories/bad-records': 45,
	'unit/watcher/stories/fairness': 45,
	'unit/watcher/stories/strategies': 45,
	'unit/watcher/delivery-machine': 35,
	'unit/watcher/stories/mass-changes': 30,
	'unit/watcher/stories/reconfigured': 30,
	'unit/api/hub-pages': 30,
	'unit/watcher/stories/noise': 25,
	'unit/watcher/stories/status-row': 25,
	'unit/watcher/stories/store-errors': 20,
	'unit/watcher/stories/deviations-freshness': 20,
	'unit/watcher/stories/unindexed': 20,
	'unit/watcher/stories/crashes': 20,
	'unit/watcher/stories/numbers': 20,
	'unit/watcher/stories/store-faults': 20,
	'unit/watcher/stories/watchdog': 15,
	'unit/watcher/stories/unseen': 15,
	'unit/watcher/stories/webhook-gate': 15,
	'unit/watcher/stories/deletions': 15,
	'unit/watcher/stories/webhook-facts': 15,
	'unit/watcher/stories/settings': 15,
	'unit/api/hub-deviations': 15,
	'unit/delivery/oracle-random': 10,
	'workers/contract/generated-first': 125,
	'workers/contract/organizations': 85,
	'workers/contract/generated-second': 80,
	'workers/api/malformed': 35,
	'workers/contract/fuzz': 30,
	'workers/api/webhooks': 25,
	'workers/api/hub': 25,
	'workers/api/access': 20,
	'workers/api/notifications': 20,
	'workers/api/signing': 15,
}
/** … of any other file. */
const USUAL_SECONDS = 3

const toSeconds = ({ moduleId }: TestSpecification): number =>
	SECONDS[/\/test\/(.+)\.test\.ts$/.exec(moduleId)?.[1] ?? ''] ?? USUAL_SECONDS

/**
 * Files that wait run beside those of plain Node that compute, so that there is always something of both: each kind in lanes of its own, the
 * longest first, one after another as they would begin there. Those in workerd follow: a process or runtime that is not isolated goes on to
 * the next file only if that is of its own project, and to start another runtime takes up to six seconds of a core.
 */
class Interleaved extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const longestFirst = (await super.sort(files)).sort((one, other) => toSeconds(other) - toSeconds(one))
		const isWaiting = ({ project }: TestSpecification): boolean => WAITING.includes(project.name)
		const isUnit = ({ project }: TestSpecification): boolean => project.name === 'unit'
		const beside = [
			...layOut(longestFirst.filter(isWaiting), WORKERS - CORES),
			...layOut(longestFirst.filter(isUnit), CORES),
		].sort((one, other) => one.beginS - other.beginS)
		return [...beside.map(({ file }) => file), ...longestFirst.filter((file) => !isWaiting(file) && !isUnit(file))]
	}
}

/** When each file would begin in so many lanes. */
function layOut(files: readonly TestSpecification[], lanes: number): { file: TestSpecification; beginS: number }[] {
	const freeS = Array.from({ length: lanes }, () => 0)
	return files.map((file) => {
		const beginS = Math.min(...freeS)
		freeS[freeS.indexOf(beginS)] = beginS + toSeconds(file)
		return { file, beginS }
	})
}

const REMEMBERED_SCRYPT = 'test/support/remembered-scrypt.ts'

/** Hashes of passwords are slow by design; the tests of the Worker compute each once. */
const rememberedScrypt: Plugin = {
	name: 'remembered-scrypt',
	enforce: 'pre',
	// Vite resolves no module of Node's by plugins.
	transform: (code, id) =>
		id.endsWith('/src/accounts/passwords.ts')
			? code.replace("from 'node:crypto'", `from '${fileURLToPath(new URL(REMEMBERED_SCRYPT, import.meta.url).href)}'`)
			: null,
}

/** Pure decisions run in plain Node (an import of `cloudflare:*` fails there, which guards the layering), shells in workerd, whole stories against the built Worker. */
export default defineConfig({
	test: {
		// The second prints which line of the contract is shown by which tests, and fails a whole run when one is shown by none.
		reporters: ['default', './test/support/contract-reporter.ts'],
		sequence: { sequencer: Interleaved },
		projects: [
			{
				test: {
					name: 'unit',
					include: ['test/unit/**/*.test.ts'],
					environment: 'node',
					// No test is held against the clock: this ends one that never would.
					testTimeout: 120_000,
					// Nearly all is free of state, and to import it anew for each file takes longer than most files.
					isolate: false,
					maxWorkers: WORKERS,
				},
			},
			{
				plugins: [
					rememberedScrypt,
					cloudflareTest({
						wrangler: { configPath: './wrangler.toml' },
						miniflare: {
							bindings: {
								MASTER_KEYS: 'test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
								SETUP_TOKEN: 'setup-token-of-the-tests',
								PUBLIC_URL: 'https://bell.example.com',
								ALLOW_PRIVATE_NETWORK: 'true',
								POLL_FLOOR_SECONDS: '1',
							},
						},
					}),
				],
				test: {
					name: 'workers',
					include: ['test/workers/**/*.test.ts'],
					// As above: each file's own runtime costs more than most files, and a file leaves no storage behind.
					isolate: false,
					setupFiles: ['./test/workers/setup.ts'],
					testTimeout: 60_000,
					maxWorkers: WORKERS,
				},
			},
			{
				test: {
					name: 'e2e',
					globalSetup: ['./test/support/built-worker.ts'],
					include: ['test/e2e/**/*.test.ts', 'test/faults/**/*.test.ts'],
					environment: 'node',
					testTimeout: 240_000,
					hookTimeout: 120_000,
					maxWorkers: WORKERS,
				},
			},
			{
				test: {
					name: 'browser',
					globalSetup: ['./test/support/built-worker.ts'],
					include: ['test/browser/**/*.test.ts'],
					environment: 'node',
					testTimeout: 240_000,
					hookTimeout: 120_000,
					maxWorkers: WORKERS,
				},
			},
		],
	},
})
