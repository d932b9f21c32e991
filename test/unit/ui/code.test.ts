/** The tab *Code*: the call behind each page of an instance. */
import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { operations } from '../../../src/api/operations.ts'
import { listCalls } from '../../../src/ui/pages/instance/code.tsx'

const PAGES = 'src/ui/pages/{instance,instances,configuration,decisions}/*.{ts,tsx}'

test('every operation that pages of instances call is named, and no other', () => {
	const source = globSync(PAGES)
		.filter((path) => !path.endsWith('instance/code.tsx'))
		.map((path) => readFileSync(path, 'utf8'))
		.join('\n')
	const called: string[] = Object.keys(operations).filter((id) =>
		new RegExp(`(?:callOperation\\(\\s*c,\\s*|call: )'${id}'`).test(source),
	)
	// Also in a ternary, and in a table.
	expect(called).toEqual(expect.arrayContaining(['checkInstance', 'decideHeldDeletions', 'endSignatureKeyRotation']))
	expect(
		listCalls(7)
			.map(({ id }) => id)
			.toSorted(),
	).toEqual(called.toSorted())
})

test('calls name this instance', () => {
	const calls = listCalls(7)
	expect(calls.find(({ id }) => id === 'decideHeldDeletions')).toMatchObject({
		method: 'PUT',
		path: '/instances/7/deletions',
	})
	expect(calls.filter(({ path }) => path.includes('/instances/{id}'))).toEqual([])
})
