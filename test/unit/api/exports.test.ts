/** Exports and streams of the log: whole, recognisable when they are not, in order, on a clock that is moved by hand. */
import { describe, expect, test } from 'vitest'
import { formatCsvField, formatCsvRecord } from '../../../src/api/events/csv.ts'
import { exportText } from '../../../src/api/events/export.ts'
import { streamText, getWaitMs, type StreamPorts } from '../../../src/api/events/sse.ts'
import type { InstanceRow } from '../../../src/api/http/merge.ts'
import type { EventReport, EventTail } from '../../../src/rpc/log.ts'

function row(sequence: number, objectId = '17'): EventReport {
	return {
		eventId: `id${sequence}`,
		sequence,
		objectType: 'orders',
		objectId,
		eventType: 'UPDATED',
		objectSequence: sequence,
		dateMs: 0,
		recordedMs: 1_000,
		status: 'NOTIFIED',
		source: 'poll',
		record: '{"id":17}',
		entry: JSON.stringify({ elementKey: 'woocommercerest', changedFields: ['status', 'total'] }),
		notifications: [{ id: 7_000_000_001, status: 'delivered', createdMs: 0, updatedMs: 0 }],
	}
}

describe('CSV', () => {
	test('quotes what would break a record, and disarms what a spreadsheet would run', () => {
		expect(formatCsvRecord(['a', 1, 'b,c', 'say "hi"', 'two\nlines'])).toBe('a,1,"b,c","say ""hi""","two\nlines"\r\n')
		for (const formula of ['=1+1', '+1', '-1', '@SUM(A1)', '\tx']) expect(formatCsvField(formula)).toBe(`'${formula}`)
		expect(formatCsvField('=HYPERLINK("http://x","y")')).toBe(`"'=HYPERLINK(""http://x"",""y"")"`)
		expect(formatCsvField(-1)).toBe('-1')
	})
})

describe('an export', () => {
	/** So many events; at the end where they go on, null: nowhere. */
	async function* rows(
		count: number,
		end: string | null = null,
	): AsyncGenerator<InstanceRow<EventReport>, string | null> {
		for (let sequence = count; sequence > 0; sequence--)
			yield { instanceId: 7, row: row(sequence, sequence === 1 ? '=1' : '17') }
		return end
	}
	const whole = async (format: 'csv' | 'ndjson', count: number, most?: number, end?: string): Promise<string> => {
		let text = ''
		for await (const piece of exportText(format, rows(count, end), (last) => `t${last.row.sequence}`, most))
			text += piece
		return text
	}

	test('as NDJSON says at its end whether it is all, and where it goes on', async () => {
		const lines = (await whole('ndjson', 3))
			.trimEnd()
			.split('\n')
			.map((line) => JSON.parse(line))
		expect(lines.slice(0, 3).map((line) => line.sequence)).toEqual([3, 2, 1])
		expect(lines[0]).toMatchObject({ id: 'id3', providerData: '{"id":17}', recordedDate: '1970-01-01T00:00:01.000Z' })
		expect(lines[3]).toEqual({ complete: true, events: 3 })
		const cut = (await whole('ndjson', 3, 2))
			.trimEnd()
			.split('\n')
			.map((line) => JSON.parse(line))
		expect(cut).toHaveLength(3)
		expect(cut[2]).toEqual({ truncated: true, events: 2, nextPage: 't2' })
		expect(await whole('ndjson', 2, 2)).toContain('"complete":true')
		expect(await whole('ndjson', 0)).toBe('{"complete":true,"events":0}\n')
		// As many reads as it may make, and nothing found.
		expect(await whole('ndjson', 0, 2, 'behind')).toBe('{"truncated":true,"events":0,"nextPage":"behind"}\n')
	})

	test('as CSV has a head, a record an event, and one more where it was cut', async () => {
		const lines = (await whole('csv', 2)).split('\r\n')
		expect(lines[0]).toBe(
			'id,recordedDate,eventDate,status,elementInstanceId,elementKey,objectType,objectId,eventType,sequence,objectSequence,source,changedFields,notificationIds',
		)
		expect(lines[1]).toBe(
			'id2,1970-01-01T00:00:01.000Z,1970-01-01T00:00:00Z,NOTIFIED,7,woocommercerest,orders,17,UPDATED,2,2,poll,status total,7000000001',
		)
		expect(lines[2]).toContain(",orders,'=1,")
		expect(lines.slice(3)).toEqual([''])
		const cut = (await whole('csv', 3, 2)).trimEnd().split('\r\n')
		expect(cut).toHaveLength(4)
		expect(cut[3]).toBe(`truncated: nextPage=t2${','.repeat(13)}`)
		expect((await whole('csv', 1, 9, 'behind')).trimEnd().split('\r\n')[2]).toBe(
			`truncated: nextPage=behind${','.repeat(13)}`,
		)
	})

	test('comes in pieces, and breaks off where reading fails', async () => {
		async function* failing(): AsyncGenerator<InstanceRow<EventReport>, null> {
			yield* rows(500)
			throw new Error('the object cannot be reached')
		}
		const pieces: string[] = []
		await expect(async () => {
			for await (const piece of exportText('ndjson', failing(), () => '')) pieces.push(piece)
		}).rejects.toThrow('cannot be reached')
		expect(pieces.length).toBeGreaterThan(1)
		expect(pieces.join('')).not.toContain('complete')
	})
})

describe('a stream', () => {
	/** A log that grows while time passes: what is recorded when, in ms after the beginning. */
	function play(
		recorded: { atMs: number; sequences: number[] }[],
		options: { disabledMs?: number; goneMs?: number; deletedMs?: number; oldest?: number } = {},
	): { ports: StreamPorts; asked: number[]; now(): number } {
		let now = 0
		const asked: number[] = []
		const ports: StreamPorts = {
			now: () => now,
			wait: async (ms) => void (now += ms),
			isClosed: () => now >= (options.goneMs ?? Infinity),
			show: (one) => `{"sequence":${one.sequence}}`,
			formatEventId: (sequence) => `id${sequence}`,
			read: async (after, limit): Promise<EventTail | 'unknown'> => {
				asked.push(now)
				if (now >= (options.deletedMs ?? Infinity)) return 'unknown'
				const all = recorded.filter(({ atMs }) => atMs <= now).flatMap(({ sequences }) => sequences)
				const there = all.filter((sequence) => sequence >= (options.oldest ?? 0))
				return {
					events: there
						.filter((sequence) => sequence > after)
						.slice(0, limit)
						.map((sequence) => row(sequence)),
					last: all.at(-1) ?? 0,
					running: now < (options.disabledMs ?? Infinity),
				}
			},
		}
		return { ports, asked, now: () => now }
	}
	const pieces = async (after: number, ports: StreamPorts): Promise<string[]> => {
		const said: string[] = []
		for await (const piece of streamText(after, ports)) said.push(piece)
		return said
	}
	/** Ids of events. */
	const ids = (said: string[]): string[] =>
		[...said.join('').matchAll(/^id: (.*)\nevent: event$/gm)].map((match) => match[1]!)
	/** What `EventSource` has of a text that broke off there: the events that it dispatched, and the last event id (HTML standard, 9.2.6). */
	const heard = (text: string): { types: string[]; lastEventId: string } => {
		const types: string[] = []
		let [lastEventId, id, type, data] = ['', '', '', '']
		for (const line of text.split('\n').slice(0, -1)) {
			const [, field, value] = /^([^:]*)(?:: ?(.*))?$/.exec(line)!
			if (field === 'id') id = value ?? ''
			else if (field === 'event') type = value ?? ''
			else if (field === 'data') data += `${value}\n`
			else if (line === '') {
				lastEventId = id
				if (data !== '') types.push(type)
				;[type, data] = ['', '']
			}
		}
		return { types, lastEventId }
	}

	test('sends each event once, in order, several of one commit too, and closes after ten minutes', async () => {
		const many = Array.from({ length: 250 }, (_, n) => n + 3)
		const { ports, now } = play([
			{ atMs: 0, sequences: [1, 2] },
			{ atMs: 61_000, sequences: many },
			{ atMs: 599_000, sequences: [253] },
		])
		const said = await pieces(1, ports)
		expect(ids(said)).toEqual([2, ...many, 253].map((sequence) => `id${sequence}`))
		expect(said[0]).toBe('retry: 1000\nid: id1\n\n')
		expect(said[1]).toBe('id: id2\nevent: event\ndata: {"sequence":2}\n\n')
		expect(said.at(-1)).toMatch(/retry: 1000\n\n$/)
		expect(now()).toBeGreaterThanOrEqual(600_000)
		expect(now()).toBeLessThan(606_000)
	})

	test('asks every second, slower while it is quiet, and says something every fifteen', async () => {
		const { ports, asked } = play([{ atMs: 60_000, sequences: [1] }], { goneMs: 64_500 })
		const said = await pieces(0, ports)
		expect(asked.slice(0, 4)).toEqual([0, 1_000, 2_500, 4_500])
		const gaps = asked.slice(1).map((at, index) => at - asked[index]!)
		expect(Math.max(...gaps)).toBeLessThanOrEqual(5_000)
		expect(said.filter((piece) => piece === ': heartbeat\n\n')).toHaveLength(3)
		expect(ids(said)).toEqual(['id1'])
		expect(asked.slice(-3)).toEqual([61_000, 62_000, 63_500])
		expect([1, 2, 3, 9, 99].map(getWaitMs)).toEqual([1_000, 1_500, 2_000, 5_000, 5_000])
	})

	test('that broke off while nothing came goes on where it stood: what was recorded in between comes once', async () => {
		for (const { begun, recorded } of [
			{ begun: 3, recorded: [1, 2, 3] },
			// An empty log has a place too.
			{ begun: 0, recorded: [] },
		]) {
			const before = heard(
				(await pieces(begun, play([{ atMs: 0, sequences: recorded }], { goneMs: 40_000 }).ports)).join(''),
			)
			expect(before).toEqual({ types: [], lastEventId: `id${begun}` })
			const later = [...recorded, begun + 1, begun + 2]
			const after = await pieces(
				Number(before.lastEventId.slice(2)),
				play([{ atMs: 0, sequences: later }], { goneMs: 5_000 }).ports,
			)
			expect(ids(after)).toEqual([`id${begun + 1}`, `id${begun + 2}`])
			expect(heard(after.join(''))).toEqual({ types: ['event', 'event'], lastEventId: `id${begun + 2}` })
		}
	})

	test('says what has left the log before it could be sent, and not again to a client that comes back', async () => {
		const { ports } = play([{ atMs: 0, sequences: [1, 2, 3, 4, 5] }], { oldest: 4, goneMs: 1_000 })
		const said = await pieces(1, ports)
		expect(said[1]).toContain(
			'id: id3\nevent: gap\ndata: {"message":"Events left the log before they were sent","from":2,"to":3,"events":2}\n\nid: id4',
		)
		expect(ids(said)).toEqual(['id4', 'id5'])
		const nothing = await pieces(1, play([{ atMs: 0, sequences: [1, 2, 3] }], { oldest: 9, goneMs: 1_000 }).ports)
		expect(nothing[1]).toContain('"from":2,"to":3')
		expect(heard(nothing.join(''))).toEqual({ types: ['gap'], lastEventId: 'id3' })
	})

	test('ends when the instance is disabled, after what was recorded before, or deleted, or when the client goes', async () => {
		const disabled = await pieces(0, play([{ atMs: 0, sequences: [1] }], { disabledMs: 0 }).ports)
		expect(disabled.join('')).toMatch(/id: id1[\s\S]*event: end\ndata: \{"reason":"disabled"\}\n\n$/)
		expect((await pieces(0, play([], { deletedMs: 3_000 }).ports)).at(-1)).toBe(
			'event: end\ndata: {"reason":"deleted"}\n\n',
		)
		const { ports, asked } = play([], { goneMs: 0 })
		expect(await pieces(0, ports)).toHaveLength(1)
		expect(asked).toEqual([])
	})
})
