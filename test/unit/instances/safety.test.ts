/** Addresses that may be reached, in every spelling; secrets that open in their place only; names without HTML. */
import { describe, expect, test } from 'vitest'
import { parseName, parseTags } from '../../../src/instances/naming.ts'
import { instanceSecret, isSealed, isStale, parseMasterKeys, openSecret, sealSecret } from '../../../src/lib/sealing.ts'
import { checkUrl, isOtherSite, toSiteKey } from '../../../src/lib/urls.ts'
import { stripHtml } from '../../../src/lib/values.ts'

const PLACE = instanceSecret({ id: 5, incarnation: '5' }, 'oauth.api.secret')

describe('the guard', () => {
	test.each([
		'https://example.com',
		'http://example.com:8080/a?b=c',
		'https://8.8.8.8/',
		'https://[2606:4700::1111]/',
		'https://xn--bcher-kva.example/',
		'https://[::ffff:8.8.8.8]/',
		'https://172.32.0.1',
		'https://example.com.',
	])('%s is open', (text) => {
		expect(checkUrl(text, false).ok).toBe(true)
	})

	const loopback = [
		'http://127.0.0.1',
		'http://localhost',
		'http://LOCALHOST.',
		'http://sub.localhost',
		'http://127.1',
		'http://2130706433',
		'http://0x7f000001',
		'http://0177.0.0.1',
		'http://0x7f.1',
		'http://127.255.255.254',
		'http://[::1]',
		'http://[0:0:0:0:0:0:0:1]',
		'http://１２７.0.0.1',
		'http://127。0。0。1',
	]
	const networks = [
		'http://10.0.0.1',
		'http://172.16.0.1',
		'http://172.31.255.255',
		'http://192.168.0.1',
		'http://3232235521',
		'http://[fd00::1]',
		'http://[fc00::1]',
		'http://intranet',
		'http://printer.local',
		'http://db.internal',
		'http://router.home.arpa',
		'http://localhost6.localdomain6',
		'http://api.default.svc',
		'http://api.default.svc.cluster.local.',
		'http://nas.lan',
		'http://shop.test',
		'http://hidden.onion',
	]
	test.each([...loopback, ...networks])('%s is private: closed, unless private networks are open', (text) => {
		expect(checkUrl(text, false).ok).toBe(false)
		expect(checkUrl(text, true).ok).toBe(true)
	})

	test.each([
		'http://169.254.169.254/latest/meta-data',
		'http://0xa9fea9fe',
		'http://2852039166',
		'http://0251.0376.0251.0376',
		'http://metadata.google.internal',
		'http://metadata',
		'http://100.100.100.200',
		'http://168.63.129.16',
		'http://192.88.99.1',
		'http://metadata.goog',
		'http://instance-data.ec2.internal',
		'http://[fd20:ce::254]',
		'http://[3fff::1]',
		'http://[2001:2::1]',
		'http://[2620:4f:8000::1]',
		'http://[64:ff9b:1::1]',
		'http://[2606:4700::5efe:8.8.8.8]',
		'http://[2606:4700::200:5efe:a00:1]',
		'http://0.0.0.0',
		'http://0',
		'http://[::]',
		'http://[fe80::1]',
		'http://[fec0::1]',
		'http://[ff02::1]',
		'http://[fd00:ec2::254]',
		'http://[::ffff:127.0.0.1]',
		'http://[::ffff:7f00:1]',
		'http://[::ffff:169.254.169.254]',
		'http://[::127.0.0.1]',
		'http://[64:ff9b::7f00:1]',
		'http://[2002:7f00:1::]',
		'http://[2001:db8::1]',
		'http://[2001::1]',
		'http://224.0.0.1',
		'http://255.255.255.255',
		'http://198.18.0.1',
		'http://192.0.2.1',
		'http://203.0.113.1',
		'http://240.0.0.1',
		'ftp://example.com',
		'file:///etc/passwd',
		'javascript:alert(1)',
		'data:text/plain,x',
		'https://user@example.com',
		'https://user:pass@example.com',
		'https://@example.com',
		'https://:@example.com',
		'',
		'example.com',
		'//example.com',
		'https://',
		`https://example.com/${'a'.repeat(2048)}`,
	])('%s is closed always', (text) => {
		expect(checkUrl(text, false).ok).toBe(false)
		expect(checkUrl(text, true).ok).toBe(false)
	})

	test('two spellings of one site are one', () => {
		expect(toSiteKey('https://www.Shop.example/sub/')).toBe(toSiteKey('http://shop.example/sub'))
		expect(toSiteKey('https://shop.example')).not.toBe(toSiteKey('https://shop.example/sub'))
	})
})

describe('sealing', () => {
	const key = (fill: number) => Buffer.alloc(32, fill).toString('base64')
	const ring = `a:${key(1)}`

	test('what an earlier version sealed for an instance opens, and is to be sealed anew', async () => {
		const sealed = 'v1.a.zdmRE12X-J4618hq.mZT1YBhXTj8k1vgwooPQxD3wQCtHlbexJeTlpw'
		expect(await openSecret(ring, sealed, PLACE)).toBe('cs_secret ü')
		await expect(openSecret(ring, sealed, instanceSecret({ id: 6, incarnation: '5' }, 'x'))).rejects.toThrow()
		await expect(openSecret(ring, sealed.replace('v1.', 'v2.'), PLACE)).rejects.toThrow()
		expect(isStale(ring, sealed)).toBe(true)
		expect(isStale(ring, await sealSecret(ring, 'x', PLACE))).toBe(false)
		expect(isStale(`b:${key(2)},${ring}`, await sealSecret(ring, 'x', PLACE))).toBe(true)
		expect(isStale(ring, 'v1.a.note')).toBe(false)
	})

	test('opens in its place, by any key of the key ring, and nowhere else', async () => {
		const sealed = await sealSecret(ring, 'cs_secret ü', PLACE)
		expect(sealed).toMatch(/^v2\.a\./)
		expect(isSealed(sealed)).toBe(true)
		expect(await openSecret(ring, sealed, PLACE)).toBe('cs_secret ü')
		expect(await openSecret(`b:${key(2)}, ${ring}`, sealed, PLACE)).toBe('cs_secret ü')
		for (const place of [
			instanceSecret({ id: 6, incarnation: '6' }, 'oauth.api.secret'),
			instanceSecret({ id: 5, incarnation: 'another' }, 'oauth.api.secret'),
			instanceSecret({ id: 5, incarnation: '5' }, 'event.notification.basic.username'),
		])
			await expect(openSecret(ring, sealed, place)).rejects.toThrow('does not belong to its place')
		await expect(openSecret(`b:${key(2)}`, sealed, PLACE)).rejects.toThrow()
		await expect(openSecret(`a:${key(2)}`, sealed, PLACE)).rejects.toThrow()
		expect(await sealSecret(`b:${key(2)},${ring}`, 'x', 'y')).toMatch(/^v2\.b\./)
		expect(await sealSecret(ring, 'same', 'y')).not.toBe(await sealSecret(ring, 'same', 'y'))
	})

	test.each(['', 'abc', 'a:c2hvcnQ=', `:${key(1)}`, `a:${key(1)},a:${key(2)}`])(
		'the ring "%s" is refused without being quoted',
		(text) => {
			expect(() => parseMasterKeys(text)).toThrow(/^MASTER_KEYS must/)
		},
	)

	test.each(['cs_plain', 'v1.a.b.c', '', 'v1.a.AAAAAAAAAAAAAAAA'])('"%s" is not sealed', (text) => {
		expect(isSealed(text)).toBe(false)
	})
})

describe('names and tags', () => {
	test('lose their HTML, however it is nested', () => {
		expect(stripHtml('<b>Shop</b> & <i>Co</i>')).toBe('Shop & Co')
		expect(stripHtml('<scr<script>ipt>alert(1)</scr</script>ipt>')).not.toMatch(/<[^<>]*>/)
		expect(['<<a>b', 'a>b<c', '<a<b>', '>><<', '<>x<y>z'].map(stripHtml)).toEqual(['<b', 'a>b<c', '<a', '>><<', 'xz'])
		expect(parseName('<INSTANCE_NAME>')).toEqual({ ok: true, name: null })
		expect(parseName('a < b')).toEqual({ ok: true, name: 'a < b' })
	})

	test('take one pass, however long and nested they are', () => {
		// A pass for each level would take minutes: the test would not end in its time.
		const nested = '<'.repeat(500_000) + '>'.repeat(500_000)
		expect(stripHtml(nested)).toBe('')
		expect(parseName(`${nested}Shop`)).toEqual({ ok: true, name: 'Shop' })
	})

	test('one text is a list of one; placeholders and repeats are no tags', () => {
		expect(parseTags('one')).toEqual({ ok: true, tags: ['one'] })
		expect(parseTags(['<Add_Your_Tag>', 'a', 'a', ''])).toEqual({ ok: true, tags: ['a'] })
		expect(parseTags(['<Add_Your_Tag>'])).toEqual({ ok: true, tags: null })
		for (const none of [[], [' '], '']) expect(parseTags(none)).toEqual({ ok: true, tags: [] })
	})
})

describe('the site that a webhook names', () => {
	test.each([
		['https://shop.example', 'https://shop.example/'],
		['https://shop.example', 'http://shop.example:80/'],
		['https://shop.example', 'https://shop.example:443'],
		['https://shop.example', 'https://WWW.Shop.Example./'],
		['https://shop.example', 'https://shop.example/de/'],
		['https://shop.example', 'https://shop.example/EN-US/'],
		['https://shop.example', 'https://shop.example/de-formal/'],
		['https://shop.example', 'https://shop.example/at/'],
		['https://shop.example', 'https://shop.example/?lang=de&x=1'],
		['https://shop.example', 'https://shop.example/de/?lang=de'],
		['https://shop.example', ''],
		['https://shop.example', '  '],
		['https://shop.example/en', 'https://shop.example/de'],
		['https://shop.example/en', 'https://shop.example'],
		['https://shop.example/store', 'https://shop.example/store/pt-br/'],
		['https://münchen.example', 'https://xn--mnchen-3ya.example/'],
		['https://xn--mnchen-3ya.example', 'https://M%C3%9CNCHEN.example/de/'],
		['https://xn--mnchen-3ya.example', 'https://MÜNCHEN.example'],
		['https://shop.example/caf%C3%A9', 'https://shop.example/CAF%c3%a9/'],
	])('§7.4 %s is also %s', (home, named) => {
		expect(isOtherSite(named, home)).toBe(false)
	})

	test.each([
		'https://staging.shop.example/',
		'https://shop.example/staging/',
		'https://shop.example/dev/',
		'https://shop.example/qa/',
		'https://shop.example/new/',
		'https://shop.example/de/staging/',
		'https://shop.example/en-staging/',
		'https://shop.example:8443/',
		'https://shop.example.org/',
		'http://localhost/',
		'no address',
	])('%s is another site', (named) => {
		expect(isOtherSite(named, 'https://shop.example')).toBe(true)
	})
})
