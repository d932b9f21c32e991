/** House rules for source text that the linter has no rule for. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..')

test('no line of src is longer than 120 characters', () => {
	const files = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true }).filter(
		(entry) => entry.isFile() && /\.(tsx?|js|css)$/.test(entry.name),
	)
	const long = files.flatMap((entry) => {
		const path = join(entry.parentPath, entry.name)
		return readFileSync(path, 'utf8')
			.split('\n')
			.flatMap((line, index) => (line.length > 120 ? [`${relative(ROOT, path)}:${index + 1}`] : []))
	})
	expect(long).toEqual([])
})
