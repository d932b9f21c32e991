/** What Home and the list of instances say, and the list's address. */
import { describe, expect, test } from 'vitest'
import { OVERVIEW } from '../../../src/api/instances/overview-examples.ts'
import { toFigures, toFixLink, toHeadline, toStatesLine, type Overview } from '../../../src/ui/pages/home/words.ts'
import { readBulkForm, toBulkMessage } from '../../../src/ui/pages/instances/bulk.ts'
import { isFiltered, readListAddress, toListPath, toStatesQuery } from '../../../src/ui/pages/instances/filters.ts'
import { describeChanges, toPercent } from '../../../src/ui/pages/instances/table.tsx'

const overview = OVERVIEW as Overview

describe('Home', () => {
	test.each([
		[0, 'Nothing needs your attention'],
		[1, 'One thing needs your attention'],
		[2, 'Two things need your attention'],
		[10, 'Ten things need your attention'],
		[1_400, '1,400 things need your attention'],
	])('%i: %s', (total, headline) => {
		expect(toHeadline(total)).toBe(headline)
	})

	test('the figures have thousands, durations and plurals', () => {
		const nowMs = Date.parse('2026-06-01T12:03:10Z')
		expect(toFigures(overview, nowMs).map(({ value, note }) => [value, note])).toEqual([
			['1,284', '812 updated, 431 created, 41 deleted'],
			['1,281', 'p50 1.1 s, p99 14 s after the change'],
			['3', 'oldest 40 s, in 1 instance'],
			['15', 'changes whose webhook never arrived'],
		])
		const idle: Overview = {
			...overview,
			delivered: { changes: 0, notifications: 0, p50Ms: null, p99Ms: null },
			waiting: { events: 0, since: null, instances: 0 },
		}
		expect(toFigures(idle, nowMs)[1]!.note).not.toContain('null')
		expect(toFigures(idle, nowMs)[2]).toMatchObject({ value: '0', note: 'no event waits' })
	})

	test('healthy instances are counted', () => {
		expect(toStatesLine(overview.instances)).toBe('7 instances, 6 healthy')
		expect(toStatesLine({ total: 1, states: [{ state: 'healthy', instances: 1 }], worst: [] })).toBe(
			'1 instance, all healthy',
		)
		expect(toStatesLine({ total: 1, states: [{ state: 'full', instances: 1 }], worst: [] })).toBe(
			'1 instance, 0 healthy',
		)
	})

	test('a button leads to the fix, and those who may not fix it to the instance', () => {
		const [item] = overview.attention.items
		expect(toFixLink(item!, true)).toEqual({ href: '/instances/12345/deletions', label: 'Review' })
		expect(toFixLink(item!, false)).toEqual({ href: '/instances/12345', label: 'Open' })
		expect(toFixLink({ ...item!, fix: 'instance' }, true)).toEqual({ href: '/instances/12345', label: 'Open' })
	})
})

describe('the address of the list', () => {
	const read = (query: string) => readListAddress(new URLSearchParams(query))

	test('is read and written alike', () => {
		for (const query of ['', '?search=a+b&state=full&tag=x&mode=off&page=MQ%2CMg'])
			expect(toListPath(read(query))).toBe(`/instances${query}`)
	})

	test('forgets what no filter is', () => {
		const address = read('?search=+&state=nothing&mode=of&page=,&other=1')
		expect(address).toEqual({ search: '', state: null, tag: '', mode: null, pages: [] })
		expect(isFiltered(address)).toBe(false)
		expect(toStatesQuery(address)).toEqual({})
	})

	test('becomes the query of the call, with the token of the last page', () => {
		expect(toStatesQuery(read('?search=a&state=full&tag=x&mode=off&page=MQ,Mg'))).toEqual({
			searchText: 'a',
			state: 'full',
			mode: 'off',
			'tags[]': ['x'],
			nextPage: 'Mg',
		})
	})
})

describe('several at once', () => {
	test('are read from the boxes, or from all that were shown', () => {
		const form = new URLSearchParams('action=poll&id=7&id=7&id=x&id=8&shown=7&shown=8&shown=9')
		expect(readBulkForm(form)).toEqual({ ok: true, action: 'poll', ids: [7, 8] })
		form.set('all', 'true')
		expect(readBulkForm(form)).toEqual({ ok: true, action: 'poll', ids: [7, 8, 9] })
	})

	test('at most as many as a page of the API has', () => {
		const form = new URLSearchParams({ action: 'pause' })
		for (let id = 1; id <= 201; id++) form.append('id', String(id))
		expect(readBulkForm(form)).toMatchObject({ ok: false, reason: expect.stringContaining('at most 200') })
	})

	test('the message counts, and names the first failures with their reasons', () => {
		expect(toBulkMessage('pause', 1, [])).toEqual({ kind: 'ok', text: '1 instance paused.' })
		const failures = Array.from({ length: 7 }, (_, index) => ({ name: `Shop ${index}`, message: 'It is deleted.' }))
		const { kind, text } = toBulkMessage('resume', 2, failures)
		expect(kind).toBe('warn')
		expect(text).toMatch(/^2 instances resumed\. 7 instances failed\. Shop 0: It is deleted\. /)
		expect(text).toMatch(/Shop 4: It is deleted\. 2 more failures\.$/)
		expect(toBulkMessage('poll', 0, failures).kind).toBe('bad')
	})

	test('a long reason is cut, since the message travels in a cookie', () => {
		const failures = Array.from({ length: 5 }, () => ({ name: 'n'.repeat(255), message: 'm'.repeat(1_000) }))
		expect(encodeURIComponent(toBulkMessage('poll', 0, failures).text).length).toBeLessThan(3_000)
	})
})

test('rows: percent and the sentence behind the bars', () => {
	expect(toPercent({ done: 629, total: 1_000 })).toBe(62)
	expect(toPercent({ done: 0, total: 0 })).toBeNull()
	expect(toPercent(null)).toBeNull()
	expect(describeChanges([0, 0])).toBe('No changes in 24 hours')
	expect(describeChanges([1_000, 1])).toBe('1,001 changes in 24 hours, 1 change in this hour')
})
