/** The facts about real stores that the tests hold Shopbell to: each has a test whose title begins with its number, or a reason why not. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

/** Number → the fact. Sections: getting in, what stands in the way, lists, what moves a stamp, deletion, webhooks, deliveries. */
const FACTS: Record<string, string> = {
	'1.1':
		'The REST root may lie in a subdirectory, behind a redirect, under another prefix; its index says whether WooCommerce is on.',
	'1.2': 'With plain permalinks keys do not work.',
	'1.3': 'Keys count only under wc.',
	'1.4': 'Basic and query-string keys work only where PHP sees https; OAuth 1.0a works over both.',
	'1.5': 'An unknown key looks like no key; a wrong secret is told.',
	'1.6': 'Rights of keys and of their users show as 401 and 403.',
	'1.7': 'OAuth 1.0a: base URL, sorted parameters, double encoding, nonces, a clock within 15 minutes.',
	'1.8': 'Redirects are not followed with credentials.',
	'1.9': 'Version, storage and capabilities can be asked for.',
	'1.10': 'The connect flow of wc-auth posts keys before the browser returns.',
	'2.1': 'Outages: maintenance, fatal errors, no database, notices before the JSON, WooCommerce switched off.',
	'2.2': 'Hosts and shields: 429, 5xx, challenges, pages of HTML with 200, cached lists with an old Date.',
	'2.3': 'HEAD gives totals; there is no ETag.',
	'2.4': 'Unknown parameters are ignored in silence; limits of pages and batches.',
	'2.5': 'Totals are right but for HPOS orders past the end; a short page need not be the last.',
	'2.6': 'Only a JSON 404 that names the id means gone; lists under a missing parent are empty.',
	'3.1': 'Filters are strict, in whole seconds.',
	'3.2': 'A value without zone is local unless dates_are_gmt says otherwise, and takes no suffix.',
	'3.3': 'A UTC value inside the spring-forward gap is moved an hour on.',
	'3.4': 'Dates come as local time and as GMT, may be null, and the zone may change.',
	'3.5': 'HPOS stamps err in the repeated hour; imports write the future; commits come late.',
	'3.6': 'Ties are broken by id on new versions only; posts storage sorts by local time.',
	'3.7': 'Offsets over a moving set skip and double; a window is read key-set, and inside a full second by id.',
	'3.8':
		'The newest ten and the total in one call; totals count rows that are not listed; back-dated creations enter no window.',
	'3.9': 'Collections without filter are scanned by id with an offset; a deletion shifts rows.',
	'3.10': 'Variations and refunds have lists of their own; variations are read under their parent.',
	'4.1': 'An order stored as posts keeps its stamp when billing, lines, meta or totals change.',
	'4.2': 'An HPOS order keeps its stamp when a refund is deleted or a note added.',
	'4.3': 'A coupon keeps its stamp when its amount, limits or products change.',
	'4.4': 'A product keeps its stamp when its category is renamed.',
	'4.5': 'Some fields change by themselves: related ids, price HTML, sales, ratings.',
	'4.6': 'Prices flip by the clock of a scheduled sale, without a stamp.',
	'4.7': 'Saves that change nothing are frequent.',
	'4.8': 'An order changes its customer’s record without a stamp.',
	'4.9': 'Modified windows alone lose real changes; a re-read by content finds them.',
	'4.10': 'A checkout-draft is listed by some versions and is no order yet.',
	'4.11': 'Imports back-date: CREATED is the first time an id is seen.',
	'4.12': 'What is restored from the trash is created again for the receiver.',
	'4.13': 'A restored backup may give an id to another object.',
	'4.14': 'A product’s stamp moves with its stock and its reviews.',
	'4.15': 'Meta that WordPress and WooCommerce write for themselves is no change.',
	'5.1': 'DELETE without force trashes; what is in the trash answers with status trash.',
	'5.2': 'A hard deletion leaves no trace but absence: confirmed by GET, twice, apart in time.',
	'5.3': 'A 404 without an invalid-id code deletes nothing.',
	'5.4': 'Trash empties itself after thirty days.',
	'5.5': 'When many are gone at once nothing is told.',
	'5.6': 'Terms, taxes, customers, variations and refunds have no trash.',
	'5.7': 'An abandoned checkout leaves after a day.',
	'5.8': 'What a scan did not show need not be gone.',
	'5.9': 'Version 7.0 answers 500 when a coupon is trashed by REST, and has trashed it.',
	'6.1': 'Webhooks are made by keys that may; topics are exact, duplicates accepted, status is ignored.',
	'6.2': 'Secret and failures are never shown; entities in a secret are decoded.',
	'6.3': 'The store delivers only to public addresses and to three ports.',
	'6.4': 'A ping comes before the call returns, unsigned, and again until it is answered with exactly 200.',
	'6.5': 'The seventh failure in a row switches a webhook off; what it missed never comes.',
	'6.6': 'Payloads are made with the rights of the key’s owner.',
	'7.1': 'The signature covers the bytes of the body alone; a delivery id is shared within a second.',
	'7.2': 'Deliveries wait for cron, come one after another, and are never repeated.',
	'7.3': 'The body is the state at delivery: several updates become one, order is not kept, old state is possible.',
	'7.4': 'What is gone by then arrives as a signed error object.',
	'7.5': 'deleted means trashed and carries an id, which may be text; a customer’s is a real deletion.',
	'7.6': 'Trash and restore reach foreign topics with foreign ids.',
	'7.7': 'An HPOS order restored by REST sends nothing.',
	'7.8': 'updated may come before created; 7.0 tells of a checkout-draft.',
	'7.9': 'Variations travel as products.',
	'7.10': 'A paused webhook delivers what it had queued; clones keep rows and secrets.',
	'7.11': 'Payloads need not equal reads: plugins, other API versions, other rights.',
}

/** Facts without a test that names them, and why. */
const REASONS: Record<string, string> = {
	'5.9':
		'It is an answer to a write, which the hub passes on as it comes; the store’s own tests hold the simulated 7.0 to it.',
}

/** Numbers that titles begin with, such as `3.6 3.7 a window …`; without those of the simulated store's own tests if so asked. */
function titled(ofShopbell: boolean): Set<string> {
	const root = resolve(import.meta.dirname, '..')
	const found = new Set<string>()
	for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
		if (!name.endsWith('.test.ts') || name.endsWith('/facts.test.ts') || name === 'facts.test.ts') continue
		if (ofShopbell && name.startsWith('store')) continue
		const source = readFileSync(join(root, name), 'utf8')
		for (const [, numbers] of source.matchAll(/(?:\b(?:test|it|describe)|\))\s*\(\s*['"`]((?:[1-7]\.[1-9]\d* )+)/g))
			for (const number of numbers!.trim().split(' ')) found.add(number)
	}
	return found
}

const numbers = titled(false)

test.each(Object.entries(FACTS))('fact %s has a test or a reason: %s', (number) => {
	const reason = REASONS[number]
	if (reason === undefined) expect([...numbers], `no test's title begins with ${number}`).toContain(number)
	else expect(reason).toMatch(/^\S.{20,}\.$/)
})

test('no reason excuses what is tested, and no title names a fact that is not listed', () => {
	expect(Object.keys(REASONS).filter((number) => numbers.has(number) || FACTS[number] === undefined)).toEqual([])
	expect([...numbers].filter((number) => FACTS[number] === undefined)).toEqual([])
})

test.each(Object.keys(FACTS).filter((number) => number.startsWith('7.')))(
	'fact %s has a test of Shopbell itself, not of the simulated store alone',
	(number) => {
		expect([...titled(true)]).toContain(number)
	},
)
