/** What the parts of pages decide by themselves. */
import { jsx } from 'hono/jsx'
import { describe, expect, test } from 'vitest'
import { INSTANCE_STATES } from '../../../src/rpc/watcher.ts'
import { layOutBars } from '../../../src/ui/parts/chart.tsx'
import { diffRecords, indentJson } from '../../../src/ui/parts/code.tsx'
import { parseRecord } from '../../../src/ui/pages/instance/event-words.ts'
import { Field } from '../../../src/ui/parts/field.tsx'
import { Form } from '../../../src/ui/parts/form.tsx'
import { toProgressText } from '../../../src/ui/parts/notice.tsx'
import { toStateWords } from '../../../src/ui/parts/state.tsx'
import {
	formatCount,
	formatCountdown,
	formatDuration,
	formatExact,
	formatRelative,
	toId,
} from '../../../src/ui/parts/text.ts'

const NOW = Date.UTC(2026, 10, 30, 18, 41, 18)
const SECOND = 1000
const DAY = 86_400 * SECOND

describe('numbers and times', () => {
	test.each([
		[0, 'now'],
		[-999, 'now'],
		[-12 * SECOND, '12 s ago'],
		[-119 * SECOND, '1 min ago'],
		[-2 * 3600 * SECOND, '2 h ago'],
		[-DAY, '1 d ago'],
		[5 * SECOND, 'in 5 s'],
		[90 * SECOND, 'in 1 min'],
		[-61 * DAY, '2026-09-30'],
	])('a moment %i ms away is %s', (offset, text) => {
		expect(formatRelative(NOW + offset, NOW)).toBe(text)
	})

	test.each([
		[-1, 'now'],
		[999, 'now'],
		[48 * SECOND, 'in 48 s'],
		[125 * SECOND, 'in 2 min 5 s'],
		[3600 * SECOND, 'in 1 h'],
	])('%i ms are left: %s', (left, text) => {
		expect(formatCountdown(NOW + left, NOW)).toBe(text)
	})

	test.each([
		[-5, '0 ms'],
		[31, '31 ms'],
		[940, '0.9 s'],
		[9_999, '10 s'],
		[38_000, '38 s'],
		[59_700, '1 min'],
		[240_000, '4 min'],
		[3_590_000, '1 h'],
		[5 * 3_600_000, '5 h'],
		[3 * DAY, '3 d'],
	])('%i ms last %s', (ms, text) => {
		expect(formatDuration(ms)).toBe(text)
	})

	test('exact times, counts and ids', () => {
		expect(formatExact(NOW)).toBe('2026-11-30 18:41:18 UTC')
		expect([formatCount(1, 'event'), formatCount(1_284, 'event')]).toEqual(['1 event', '1,284 events'])
		expect(toId('event.poller.refresh_interval')).toBe('event-poller-refresh_interval')
	})
})

test('every state of an instance has a word and a colour, and no two share a word', () => {
	const words = INSTANCE_STATES.map((state) => toStateWords(state).word)
	expect(new Set(words).size).toBe(INSTANCE_STATES.length)
	expect(Math.max(...words.map((word) => word.length))).toBeLessThanOrEqual(18)
})

describe('progress', () => {
	test('says numbers and an estimate, and no more than all', () => {
		expect(toProgressText(1_050, 1_700, 125_000)).toBe('1,050 of 1,700, about 2 min left')
		expect(toProgressText(320, 320, 0)).toBe('320 of 320')
		expect(toProgressText(0, 0, null)).toBe('0 of 0')
		expect(toProgressText(40, null, null)).toBe('40 so far')
	})
})

describe('charts', () => {
	const toBar = (...values: number[]) => ({ label: '', values })

	test('stack their parts from the bottom and stay inside', () => {
		const [first, second] = layOutBars([toBar(3, 1, 0), toBar(8, 0, 0)])
		expect(first!.map(({ series }) => series)).toEqual([0, 1])
		expect(first![1]!.y + first![1]!.height).toBeCloseTo(first![0]!.y)
		expect(first![0]!.y + first![0]!.height).toBeCloseTo(120)
		for (const part of [...first!, ...second!]) {
			expect(part.y).toBeGreaterThanOrEqual(0)
			expect(part.x + part.width).toBeLessThanOrEqual(1000)
		}
	})

	test('show a single change beside many, and nothing for nothing', () => {
		const [many, one, none] = layOutBars([toBar(10_000), toBar(1), toBar(0)])
		// A fifth of the highest bar is free above it.
		expect(many![0]!.height).toBe(100)
		expect(one![0]!.height).toBe(2)
		expect(none).toEqual([])
		expect(layOutBars([])).toEqual([])
	})
})

test('a difference names fields that changed, came and went, and counts the others', () => {
	expect(diffRecords({ a: 1, b: null, c: [1], gone: 'x' }, { a: 1, b: 'y', c: [1], fresh: true })).toEqual([
		{ kind: 'minus', text: '"b": null' },
		{ kind: 'plus', text: '"b": "y"' },
		{ kind: 'minus', text: '"gone": "x"' },
		{ kind: 'plus', text: '"fresh": true' },
		{ kind: 'hunk', text: '2 fields unchanged' },
	])
	expect(diffRecords(null, { a: 1 })).toEqual([{ kind: 'plus', text: '"a": 1' }])
})

test('records and differences show numbers as they are written', () => {
	const text = '{"a":7615917337495251231,"b":[1.10,1e400]}'
	expect(indentJson(text)).toBe('{\n  "a": 7615917337495251231,\n  "b": [\n    1.10,\n    1e400\n  ]\n}')
	expect(indentJson('no JSON 1.10')).toBe('no JSON 1.10')
	expect(diffRecords(parseRecord(text), parseRecord(text.replace('231', '232')))).toEqual([
		{ kind: 'minus', text: '"a": 7615917337495251231' },
		{ kind: 'plus', text: '"a": 7615917337495251232' },
		{ kind: 'hunk', text: '1 field unchanged' },
	])
})

describe('fields', () => {
	test('an error stands beside its field and belongs to it', () => {
		const html = String(
			jsx(Field, { name: 'site.address', label: 'The Store URL', error: 'Expected https', hint: 'h' }),
		)
		expect(html).toContain('id="site-address"')
		expect(html).toContain('aria-invalid="true"')
		expect(html).toContain('aria-describedby="site-address-error site-address-hint"')
		expect(html).toMatch(/id="site-address-error"[^>]*>.*Expected https/)
	})

	test('what people typed is text, whatever it contains', () => {
		const html = String(jsx(Field, { name: 'name', label: 'Name', value: '"><script>alert(1)</script>' }))
		expect(html).not.toContain('<script>')
		const area = String(jsx(Field, { name: 'name', label: 'Name', rows: 2, value: '</textarea><b>' }))
		expect(area).toContain('&lt;/textarea&gt;')
	})
})

describe('forms', () => {
	test('have the token, and htmx only with a target', () => {
		const plain = String(jsx(Form, { csrf: 't0', action: '/x' }))
		expect(plain).toContain('<input type="hidden" name="csrf" value="t0"/>')
		expect(plain).not.toContain('hx-')
		expect(String(jsx(Form, { csrf: 't0', action: '/x', target: '#y' }))).toContain(
			'hx-post="/x" hx-target="#y" hx-swap="outerHTML"',
		)
	})

	test('list on top what belongs to no field', () => {
		const html = String(
			jsx(Form, {
				csrf: null,
				action: '/x',
				problems: [
					{ field: '', message: 'The name is taken' },
					{ field: 'site', message: 'Expected https' },
				],
			}),
		)
		expect(html).toContain('2 things to correct. Nothing was changed.')
		expect(html).toContain('<li>The name is taken</li>')
		expect(html).not.toContain('<li>Expected https</li>')
	})
})
