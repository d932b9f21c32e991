/**
 * `npm run mutants [-- name…]`: breaks the source on purpose, one line at a time (test/support/mutants.ts), in a copy of the tree, and sees whether
 * the tests notice. Progress goes to stderr, the table to stdout. Exit 1 when a breakage survives, or does not fit the source any more.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { MUTANTS, type Mutant } from '../test/support/mutants.ts'

/** A breakage that makes a test run for ever is noticed by this, ms: far longer than any of these tests takes on a busy machine. */
const LIMIT_MS = 600_000
/** Characters of a run's errors that are shown if it has no result. */
const MAX_LAST_WORDS = 2_000
/** What the copy does not need, or gets as a link. */
const LEFT_OUT = new Set(['node_modules', '.git', '.shopbell', '.wrangler'])

type Result = 'caught' | 'caught by time' | 'SURVIVED' | 'DOES NOT FIT' | 'TESTS DO NOT RUN'

/** How a run of tests ended: how many failed, null when there was no result within the limit; then what it wrote last. */
interface Run {
	failed: number | null
	passed: number
	lastWords: string
	timedOut: boolean
}

const root = resolve(import.meta.dirname, '..')
const patterns = process.argv.slice(2).map((word) => word.toLowerCase())
const selected = MUTANTS.filter(
	({ name, file }) =>
		patterns.length === 0 || patterns.some((word) => name.toLowerCase().includes(word) || file.includes(word)),
)
const copy = mkdtempSync(join(tmpdir(), 'mutants-'))
const results: { mutant: Mutant; result: Result; seconds: number }[] = []
try {
	for (const name of readdirSync(root).filter((entry) => !LEFT_OUT.has(entry)))
		cpSync(join(root, name), join(copy, name), { recursive: true })
	symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
	const testFiles = [...new Set(selected.flatMap(({ tests }) => tests))]
	process.stderr.write(`${testFiles.length} test files without a breakage … `)
	const unmodifiedRun = await runTests(testFiles, false)
	process.stderr.write(`${unmodifiedRun.passed} tests pass\n`)
	if (unmodifiedRun.failed !== 0)
		throw new Error(
			`the tests fail without any breakage: ${unmodifiedRun.failed ?? `no result\n${unmodifiedRun.lastWords}`}`,
		)
	for (const mutant of selected) {
		const startedMs = performance.now()
		process.stderr.write(`${mutant.name} … `)
		const result = await runMutant(mutant)
		const seconds = (performance.now() - startedMs) / 1000
		process.stderr.write(`${result} (${seconds.toFixed(1)} s)\n`)
		results.push({ mutant, result, seconds })
	}
} finally {
	rmSync(copy, { recursive: true, force: true })
}

const width = Math.max(0, ...results.map(({ mutant }) => mutant.name.length))
for (const { mutant, result } of results)
	console.log(`${mutant.name.padEnd(width)}  ${result.padEnd(16)}  ${mutant.file}`)
const uncaught = results.filter(({ result }) => !result.startsWith('caught'))
console.log(`\n${results.length - uncaught.length} of ${results.length} caught`)
process.exitCode = uncaught.length > 0 ? 1 : 0

async function runMutant(mutant: Mutant): Promise<Result> {
	const path = join(copy, mutant.file)
	const source = readFileSync(path, 'utf8')
	if (source.split(mutant.find).length !== 2) return 'DOES NOT FIT'
	writeFileSync(
		path,
		source.replace(mutant.find, () => mutant.replace),
	)
	try {
		const run = await runTests(mutant.tests, true)
		if (run.timedOut) return 'caught by time'
		// A source that does not even load fails every file without failing a test: that notices nothing.
		if (run.failed === null || run.failed + run.passed === 0) return 'TESTS DO NOT RUN'
		return run.failed > 0 ? 'caught' : 'SURVIVED'
	} finally {
		writeFileSync(path, source)
	}
}

/** Runs test files in the copy. `bail`: the first failure is enough. */
async function runTests(files: string[], bail: boolean): Promise<Run> {
	const report = join(copy, 'report.json')
	rmSync(report, { force: true })
	const child = spawn(
		process.execPath,
		[
			'node_modules/vitest/vitest.mjs',
			'run',
			...[...new Set(files.map((file) => (file.startsWith('test/workers/') ? 'workers' : 'unit')))].flatMap(
				(project) => ['--project', project],
			),
			'--reporter=json',
			`--outputFile=${report}`,
			...(bail ? ['--bail=1'] : []),
			...files,
		],
		{ cwd: copy, stdio: ['ignore', 'ignore', 'pipe'], detached: true },
	)
	let lastWords = ''
	child.stderr.setEncoding('utf8').on('data', (text: string) => (lastWords = (lastWords + text).slice(-MAX_LAST_WORDS)))
	let timedOut = false
	const timer = setTimeout(
		() => {
			timedOut = true
			// With its workers: one of them may never come back.
			if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
		},
		LIMIT_MS * (bail ? 1 : 4),
	)
	await new Promise((done) => child.once('close', done))
	clearTimeout(timer)
	try {
		const { numFailedTests, numPassedTests } = JSON.parse(readFileSync(report, 'utf8')) as {
			numFailedTests: number
			numPassedTests: number
		}
		return { failed: numFailedTests, passed: numPassedTests, lastWords, timedOut }
	} catch {
		return { failed: null, passed: 0, lastWords, timedOut }
	}
}
