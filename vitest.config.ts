import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { layOutAssets } from './scripts/assets.js'

// Pages import the list of assets, which is generated.
await layOutAssets()

/** Projects whose files wait for the Worker's clocks most of the time. */
const WAITING = ['e2e', 'browser']
/** Three more than cores: while some files wait, the others compute. */
const WORKERS = availableParallelism() + 3

/** Files that take longest: they begin before others of their project. Of a clean clone nothing else is known than how large files are. */
const LONG = /\/(?:commands|crash|story|fold-\w+|fuzz|generated-\w+|organizations|pages|screens)\.test\.ts$/

/**
 * A process or runtime that is not isolated goes on to the next file only if that is of its own project, and to start another takes up
 * to six seconds of a core. So each project's files follow each other; those that wait run beside the first that compute, the longest.
 */
class FewestStarts extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId)
		const toRank = (file: TestSpecification): number =>
			WAITING.includes(file.project.name) ? 1 : file.project.name !== 'unit' ? 3 : isLong(file) ? 0 : 2
		return (await super.sort(files)).sort(
			(one, other) => toRank(one) - toRank(other) || Number(isLong(other)) - Number(isLong(one)),
		)
	}
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
		sequence: { sequencer: FewestStarts },
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
