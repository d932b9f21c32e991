/**
 * Prints which line of the contract (docs/contract.md) is shown by which tests, and whether they passed. In a run of everything, a line that no
 * passing test names, or a title that names a line that is none, fails the run.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Reporter, TestModule, Vitest } from 'vitest/node'

/** What a run says of a line. */
export interface LineCoverage {
	number: string
	line: string
	passed: string[]
	failed: string[]
}

/** The numbered lines of contract.md: number → sentence. */
export function contractLines(markdown: string): Map<string, string> {
	return new Map([...markdown.matchAll(/^- (\d+\.\d+) (.+)$/gm)].map((match) => [match[1]!, match[2]!]))
}

/** Lines and the tests that name them (`§2.7`), and the numbers that are no line. */
export function coverageMatrix(
	lines: ReadonlyMap<string, string>,
	tests: readonly { title: string; passed: boolean }[],
): { coverage: LineCoverage[]; unknownLines: string[] } {
	const byNumber = new Map<string, LineCoverage>(
		[...lines].map(([number, line]) => [number, { number, line, passed: [], failed: [] }]),
	)
	const unknownLines: string[] = []
	for (const { title, passed } of tests)
		for (const [, number] of title.matchAll(/§(\d+\.\d+)/g)) {
			const coverage = byNumber.get(number!)
			if (coverage === undefined) unknownLines.push(`§${number} in "${title}"`)
			else (passed ? coverage.passed : coverage.failed).push(title)
		}
	return { coverage: [...byNumber.values()], unknownLines }
}

/** The matrix as text: a line of the contract, how many tests show it, and the first of them. */
export function formatCoverage(coverage: readonly LineCoverage[]): string {
	return coverage
		.map(({ number, line, passed, failed }) => {
			const state = failed.length > 0 ? 'FAILED' : passed.length > 0 ? 'pass' : 'NO TEST'
			const first = failed[0] ?? passed[0]
			const tests = passed.length + failed.length
			return `§${number.padEnd(5)} ${state.padEnd(7)} ${line}${first === undefined ? '' : `\n        ← ${first}${tests > 1 ? ` (and ${tests - 1} more)` : ''}`}`
		})
		.join('\n')
}

/** The reporter, named in vitest.config.ts. */
export default class ContractReporter implements Reporter {
	#vitest: Vitest | null = null

	onInit(vitest: Vitest): void {
		this.#vitest = vitest
	}

	async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
		const vitest = this.#vitest
		if (vitest === null) return
		const isFullRun =
			vitest.config.testNamePattern === undefined &&
			modules.length === (await vitest.globTestSpecifications()).length &&
			modules.length > 0
		if (!isFullRun) return
		const tests = modules.flatMap((module) =>
			[...module.children.allTests()].map((test) => ({
				title: test.fullName,
				passed: test.result().state === 'passed',
			})),
		)
		const { coverage: shown, unknownLines: strangers } = coverageMatrix(
			contractLines(readFileSync(join(import.meta.dirname, '../../docs/contract.md'), 'utf8')),
			tests,
		)
		const uncovered = shown.filter(({ passed, failed }) => passed.length === 0 || failed.length > 0)
		process.stdout.write(`\nThe contract, line by line (docs/contract.md)\n\n${formatCoverage(shown)}\n\n`)
		for (const unknownLine of strangers) process.stdout.write(`${unknownLine}: no such line\n`)
		process.stdout.write(
			`${shown.length - uncovered.length} of ${shown.length} lines of the contract are shown by passing tests\n`,
		)
		if (uncovered.length > 0 || strangers.length > 0) process.exitCode = 1
	}
}
