import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..')
const DEPCRUISE = join(ROOT, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs')

let folder: string | null = null
afterEach(() => {
	if (folder !== null) rmSync(folder, { recursive: true })
	folder = null
})

/** What `npm run walls` says about these files. */
function checkWalls(files: Readonly<Record<string, string>>): { status: number | null; output: string } {
	folder = mkdtempSync(join(tmpdir(), 'shopbell-walls-'))
	for (const [name, text] of Object.entries(files)) {
		mkdirSync(dirname(join(folder, name)), { recursive: true })
		writeFileSync(join(folder, name), text)
	}
	const args = [DEPCRUISE, '--config', join(ROOT, '.dependency-cruiser.mjs'), 'src']
	const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
	return { status, output: `${stdout}${stderr}` }
}

test('an import from a lower floor passes', () => {
	const { status, output } = checkWalls({
		'src/lib/a.ts': 'export const a = 1\n',
		'src/events/b.ts': "import { a } from '../lib/a.ts'\nexport const b = a\n",
	})
	expect(output).toContain('no dependency violations found (2 modules, 1 dependencies cruised)')
	expect(status).toBe(0)
})

test('an import of a type from a higher floor, a cycle of types and a file without a room fail', () => {
	const { status, output } = checkWalls({
		'src/lib/a.ts': "import type { B } from '../events/b.ts'\nexport interface A { b: B }\n",
		'src/events/b.ts': "import { type C } from './c.ts'\nexport interface B { c: C }\n",
		'src/events/c.ts': "import type { B } from './b.ts'\nexport type C = B | null\n",
		'src/loose.ts': "export type { B } from './events/b.ts'\n",
	})
	expect(output).toContain('lib imports only from lower floors: src/lib/a.ts → src/events/b.ts')
	expect(output).toMatch(/no cycle: src\/events\/[bc]\.ts/)
	expect(output).toContain('every file has a room: src/loose.ts')
	expect(output).toContain('3 dependency violations')
	expect(status).toBe(3)
})

test('a page that reads by itself instead of by an operation fails', () => {
	const { status, output } = checkWalls({
		'src/instances/rows.ts': 'export const findInstance = (): null => null\n',
		'src/ui/pages/home/routes.ts':
			"import { findInstance } from '../../../instances/rows.ts'\nexport const a = findInstance\n",
	})
	expect(output).toContain('pages read and change things by operations alone')
	expect(status).not.toBe(0)
	const pages = readdirSync(join(ROOT, 'src/ui/pages'), { recursive: true, encoding: 'utf8' })
	for (const name of pages.filter((one) => /\.tsx?$/.test(one)))
		expect(readFileSync(join(ROOT, 'src/ui/pages', name), 'utf8'), name).not.toMatch(
			/env\.(DB|WATCHER|CALLBACK|DOORBELLS)/,
		)
})
