/** The list of breakages fits the source: each stands exactly once where it says, and names tests that exist. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { MUTANTS } from '../../support/mutants.ts'

const root = resolve(import.meta.dirname, '../../..')

test.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
	'%s: can be put into the source, and has tests to notice it',
	(_name, { file, find, replace, tests }) => {
		expect(readFileSync(join(root, file), 'utf8').split(find)).toHaveLength(2)
		expect(replace).not.toBe(find)
		expect(tests.length).toBeGreaterThan(0)
		expect(tests.filter((path) => !existsSync(join(root, path)))).toEqual([])
	},
)

test('there are at least eighteen, each with its own name', () => {
	expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length)
	expect(MUTANTS.length).toBeGreaterThanOrEqual(18)
})
