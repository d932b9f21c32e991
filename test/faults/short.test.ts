/** A short run with faults: three kills while a shop changes. `npm run faults` is the long one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runFaults, SHORT_RUN } from './run.ts'

test('the built Worker is killed three times, and nothing is lost, invented, renamed or disordered', async () => {
	const dir = mkdtempSync(join(tmpdir(), 'shopbell-faults-'))
	const messages: string[] = []
	try {
		const { result, shortfalls: lacks } = await runFaults(dir, 1, SHORT_RUN, (message) => void messages.push(message))
		expect(lacks, messages.join('\n')).toEqual([])
		expect(result).toMatchObject({
			seed: 1,
			kills: 3,
			byPoint: { claimToPost: 1, answerToSettle: 1, commitToDoorbell: 1 },
			lost: 0,
			invented: 0,
			renamed: 0,
			disordered: 0,
		})
		expect(result.changes).toBeGreaterThanOrEqual(300)
		// What was accepted but not reported was sent again.
		expect(result.repeats).toBeGreaterThan(0)
	} finally {
		rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
	}
})
