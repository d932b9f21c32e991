/** Patterns over texts that callers and stores choose: the worst text of each kind is read about as fast as any other. */
import { describe, expect, it } from 'vitest'
import { getBodyVariants } from '../../src/api/tools/body-variants.ts'
import { toStoreAddresses } from '../../src/elements/woocommerce/discover.ts'
import { toResponseFailure } from '../../src/elements/woocommerce/failures.ts'
import { toVendorPath } from '../../src/elements/woocommerce/hub-paths.ts'
import { parseResource } from '../../src/elements/woocommerce/resources.ts'
import { woocommerce } from '../../src/elements/woocommerce/woocommerce.ts'
import { parseWhere } from '../../src/elements/where.ts'
import { getHubPath } from '../../src/instances/poller.ts'
import { toSiteKey, toStoreBase } from '../../src/lib/urls.ts'
import { parseNumber, stripHtml } from '../../src/lib/values.ts'
import { DENVER, ioOf, json } from './elements/support.ts'

const LENGTH = 100_000
const CREDENTIALS = { storeUrl: DENVER.home, key: 'ck', secret: 'cs' }

/** Milliseconds of this process's own work since `before`: what else the machine does meanwhile does not count. */
function workSince(before: NodeJS.CpuUsage): number {
	return process.cpuUsage(before).user / 1_000
}

/** A text of `LENGTH` characters out of one piece. */
function of(piece: string): string {
	return piece.repeat(Math.ceil(LENGTH / piece.length))
}

/** What a store's refusal with this text becomes. */
function refused(text: string): string | null {
	return toResponseFailure({ status: 400, headers: new Headers(), url: DENVER.home, text }, 0).providerMessage
}

const CASES: [what: string, read: (text: string) => unknown, pieces: string[]][] = [
	[
		'a where that never closes its quote',
		(text) => parseWhere(`status = '${text}`),
		['${a}', '${', "''", '$', 'a', '$${a}'],
	],
	['a where that never closes its double quote', (text) => parseWhere(`status = "${text}`), ['${a}', '${', "'", '$']],
	['a where of blanks', (text) => parseWhere(`status${text}=${text}'a'${text}x`), [' ', '\n']],
	['a where without quotes', (text) => parseWhere(`status = ${text}(`), ['${a}', '${', 'a']],
	['a where with a long list', (text) => parseWhere(`status IN (${text}`), ['a,', "'a' , "]],
	[
		'a resource’s url',
		(text) => parseResource('orders', { url: `/orders?x='${text}` }, DENVER),
		['${a}', '${', "'", "'${'}", '&', "'&", '$', 'a=b&'],
	],
	[
		'a resource’s address',
		(text) => [getHubPath(`/orders${text}x`), toVendorPath(`orders${text}x`)],
		['/', '?', '//a'],
	],
	[
		'a store’s address',
		(text) => [
			toStoreBase(`shop.example${text}x`),
			toStoreAddresses(`shop.example${text}x`),
			toSiteKey(`shop.example${text}x`),
		],
		['/', '.', '/wp-json', '<'],
	],
	['a number', (text) => parseNumber(`${text}x`), ['1', '1.', '.']],
	['a name', (text) => stripHtml(text), ['<', '<a', '<>', '>']],
	['a name of tags in tags', (text) => stripHtml(text + '>'.repeat(LENGTH)), ['<']],
	['a body that was signed', (text) => [...getBodyVariants(`x${text}x`)].length, [' ', '\n', '\r', '{', '"']],
	[
		'a store’s page',
		(text) => refused(text),
		['<', '<title', '<title ', '<title>', 'class="wp-die-message"', 'class="wp-die-message">', '<!--', '<html>captcha'],
	],
	[
		'a store’s message',
		(text) => refused(JSON.stringify({ code: 'x', message: text })),
		['<', '<a', '&', '&a', ' ', 'a'],
	],
]

describe('the worst text of 100 000 characters is read at once', () => {
	it.each(CASES)('%s', (_what, read, pieces) => {
		for (const piece of pieces) {
			const text = of(piece)
			const before = process.cpuUsage()
			read(text)
			expect(workSince(before), JSON.stringify(piece)).toBeLessThan(500)
		}
	})

	it('what a store’s front page is made of', async () => {
		for (const piece of [
			'<link ',
			'<link rel="https://api.w.org/" ',
			'<meta ',
			'<meta generator',
			'<meta content="generator" ',
		])
			for (const header of ['', '<'.repeat(LENGTH)]) {
				const io = ioOf(
					() =>
						new Response(of(piece), {
							headers: { 'Content-Type': 'text/html', ...(header === '' ? {} : { Link: header }) },
						}),
				)
				const before = process.cpuUsage()
				expect((await woocommerce.connect(CREDENTIALS, io, { paths: ['orders'] })).ok).toBe(false)
				expect(workSince(before), `${piece} ${header.length}`).toBeLessThan(500)
			}
	})

	it('what a store’s index and its webhooks name', async () => {
		const before = process.cpuUsage()
		for (const piece of ['(?P<a>', '(?P<', '/']) {
			const index = { routes: { [`/wc/v3/${of(piece)}`]: { methods: ['GET'] }, '/wc/v3/orders': { methods: ['GET'] } } }
			const client = woocommerce.openClient(
				DENVER,
				CREDENTIALS,
				ioOf(() => json(index)),
			)
			expect(await woocommerce.records.listCollections(client)).toMatchObject({
				ok: true,
				collections: [{ name: 'orders' }],
			})
		}
		for (const piece of ['/', '=', '%3d']) {
			const hooks = [
				{ id: 1, name: 'x', topic: 'order.created', status: 'active', delivery_url: `https://x.example/${of(piece)}x` },
			]
			const client = woocommerce.openClient(
				DENVER,
				CREDENTIALS,
				ioOf(() => json(hooks, 200, { 'x-wp-total': '1' })),
			)
			await woocommerce.webhooks?.remove(client, { name: 'Shopbell 1', deliveryUrl: 'https://bell.example/x' })
		}
		expect(workSince(before)).toBeLessThan(500)
	})
})

describe('and is still understood', () => {
	it('quotes, placeholders and dollars in a where', () => {
		const values = (text: string) => {
			const parsed = parseWhere(text)
			return parsed.ok ? parsed.conditions.map((one) => one.values[0]) : parsed.message
		}
		expect(values("a = '$5' AND b = '${gmtDate:yyyy-MM-dd'T'HH}' AND c = 'it''s ${x' AND d = \"$'${'}\"")).toEqual([
			'$5',
			"${gmtDate:yyyy-MM-dd'T'HH}",
			"it's ${x",
			"$'${'}",
		])
		expect(values("a = 'x")).toContain('expected a value')
	})

	it.each([
		['a <b>bold</b> shop', 'a bold shop'],
		['<scr<b>ipt>x', 'x'],
		['a > b < c', 'a > b < c'],
		['a <<b>> c', 'a  c'],
		['<a>>', '>'],
	])('%s is %s', (text, expected) => {
		expect(stripHtml(text)).toBe(expected)
	})

	it('numbers as people write them', () => {
		expect(['5', '5.', '.5', '+5.25', '5e3', '.', '5.5.5', ''].map(parseNumber)).toEqual([
			5,
			5,
			0.5,
			5.25,
			5000,
			null,
			null,
			null,
		])
	})

	it('WordPress’ own box stands far behind its styles', () => {
		const page = `<html><title>WordPress &rsaquo; Error</title><style>${'x'.repeat(9_000)}</style><div class="wp-die-message"><p>Down for <b>a while</b></p></div>`
		expect(refused(page)).toBe('Down for a while')
		expect(refused(page.replace('wp-die-message', 'other'))).toContain('WordPress')
	})
})
