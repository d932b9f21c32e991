/** The closing line of `.ci/run`: `N passed, N failed`, from the report that vitest wrote. Exit 1 when anything failed, or nothing ran. */
import { readJson } from './local/files.ts'

const report = readJson(process.argv[2] ?? '') as {
	numPassedTests?: number
	numFailedTests?: number
	testResults?: { status: string; assertionResults: unknown[] }[]
} | null
const passed = report?.numPassedTests ?? 0
// A file that failed before its first test has no test to count.
const unloaded = (report?.testResults ?? []).filter(
	({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
).length
const failed = (report?.numFailedTests ?? 0) + unloaded
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = passed > 0 && failed === 0 ? 0 : 1
