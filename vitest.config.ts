import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What is held against the clock has the machine to itself. */
const TIMED = ['test/e2e/commands.test.ts']

/** Files that take longest: they begin first, so that no core waits for the last of them. Of a clean clone nothing else is known than how large files are. */
const LONG = /\/(?:crash|story|fold-\w+|fuzz|generated-\w+|pages)\.test\.ts$/

class LongestFirst extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const rank = (one: TestSpecification): number =>
			2 * one.project.config.sequence.groupOrder - Number(LONG.test(one.moduleId))
		return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
	}
}

/** Pure decisions run in plain Node (an import of `cloudflare:*` fails there, which guards the layering), shells in workerd, whole stories against the built Worker. */
export default defineConfig({
	test: {
		// The second prints which line of the contract is shown by which tests, and fails a whole run when one is shown by none.
		reporters: ['default', './test/support/contract-reporter.ts'],
		sequence: { sequencer: LongestFirst },
		projects: [
			{
				test: {
					name: 'unit',
					include: ['test/unit/**/*.test.ts'],
					environment: 'node',
					testTimeout: 60_000,
					// Pure computing on a virtual clock: both cores of a small machine. The others follow alone, since they wait for real clocks.
					maxWorkers: 2,
					sequence: { groupOrder: 0 },
				},
			},
			{
				plugins: [
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
					testTimeout: 30_000,
					maxWorkers: 2,
					sequence: { groupOrder: 1 },
				},
			},
			{
				test: {
					name: 'e2e',
					include: ['test/e2e/**/*.test.ts', 'test/faults/**/*.test.ts'],
					exclude: TIMED,
					environment: 'node',
					testTimeout: 120_000,
					hookTimeout: 60_000,
					// They wait for the Worker's clocks most of the time: three of them keep two cores busy.
					maxWorkers: 3,
					sequence: { groupOrder: 2 },
				},
			},
			{
				test: {
					name: 'timed',
					include: TIMED,
					environment: 'node',
					testTimeout: 120_000,
					hookTimeout: 60_000,
					fileParallelism: false,
					sequence: { groupOrder: 3 },
				},
			},
			{
				test: {
					name: 'browser',
					include: ['test/browser/**/*.test.ts'],
					environment: 'node',
					testTimeout: 60_000,
					hookTimeout: 60_000,
					// Beside the stories, which wait most of the time.
					maxWorkers: 3,
					sequence: { groupOrder: 2 },
				},
			},
		],
	},
})
