/** Calls in which one thing is broken, made of what the document says of an operation. */
import { Validator, type Schema } from '@cfworker/json-schema'
import * as fc from 'fast-check'
import { mediaOf } from '../../../src/api/http/contract.ts'
import { declares, document } from './document.ts'
import { filled, type Asked, type House, idsFor } from './house.ts'
import { breakages, brokenTexts, fitting } from './samples.ts'
import { plain, requiredQuery, type Tried } from './tried.ts'

/** A call that is odd; `mustFail`: that is broken, so that it has to be refused. */
export interface Broken {
	what: string
	asked: Asked
	mustFail: boolean
}

type Add = (what: string, change: Partial<Asked>, mustFail: boolean) => void

/** Every way in which a call of this operation is broken, and some in which it is only odd. */
export function brokenCalls(house: House, tried: Tried): Broken[] {
	const example = (tried.one.example ??
		fc.sample(tried.bodySchema === null ? fc.constant({}) : fitting(tried.bodySchema, document.components.schemas), {
			numRuns: 1,
			seed: 7,
		})[0]) as Record<string, unknown>
	const base = plain(house, tried, example, requiredQuery(tried))
	const broken: Broken[] = []
	const add: Add = (what, change, mustFail) => void broken.push({ what, asked: { ...base, ...change }, mustFail })
	const header = (name: string, value: string): Partial<Asked> => ({ headers: { ...base.headers, [name]: value } })

	if (tried.one.bare === true) {
		breakReceiver(tried, add)
		return broken
	}
	breakPath(house, tried, add)
	breakQuery(tried, base.query ?? [], add)
	breakBody(tried, example, base, add)
	if (tried.one.access !== 'public')
		for (const authorization of brokenAuthorizations(house, tried))
			// From an address of its own: failures are counted, and refused in their turn.
			add(
				`Authorization ${authorization.slice(0, 12)}`,
				{ headers: { ...base.headers, Authorization: authorization, 'CF-Connecting-IP': `broken ${tried.id}` } },
				true,
			)
	if (tried.declared.parameters?.some((one) => one.in === 'header' && one.name === 'Idempotency-Key'))
		for (const key of ['x'.repeat(256), 'two words', 'tab\there'])
			add(`Idempotency-Key ${key.slice(0, 12)}`, header('Idempotency-Key', key), true)
	for (const accept of unacceptable(tried)) add(`Accept ${accept}`, header('Accept', accept), true)
	for (const method of METHODS)
		if (!declares(method, base.path)) add(`the method ${method}`, { method, ...(method === 'GET' ? { body: undefined } : {}) }, true)

	for (const query of ['__proto__', 'constructor', 'toString', 'x[]', '%', 'pageSize[]', '💥'])
		add(`an unknown parameter ${query}`, { query: [...(base.query ?? []), [query, 'x'.repeat(50)]] }, false)
	for (const name of ODD_HEADERS) add(`${name} with nonsense`, header(name, '"\'<>;='), false)
	return broken
}

/** What stores call takes whatever a store may send: what is refused is an element that there is not, and what nobody signed. */
function breakReceiver({ path, one }: Tried, add: Add): void {
	const at = (elementKey: string): string => filled(path, { elementKey, instance: 'MQ==' })
	for (const name of [
		'woocommerce',
		'WooCommerceRest',
		'woocommercerest%20',
		'shopify',
		'1',
		'0',
		'-1',
		'null',
		'constructor',
		'__proto__',
	])
		for (const more of ['', 's', '.json']) add(`the element ${name}${more}`, { path: at(name + more) }, one.method === 'post')
	// A look at the address is answered, whatever it is.
	if (one.method === 'get') return
	for (const signature of ['', 'x', 'MQ==', '='.repeat(44), 'A'.repeat(43), `${'A'.repeat(43)}=`, '💥', 'sha256=abc'])
		for (const topic of ['order.updated', 'order.nothing', 'action.x'])
			add(
				`${topic} signed ${signature.slice(0, 4)}`,
				{
					path: at('woocommercerest'),
					headers: { 'X-WC-Webhook-Topic': topic, 'X-WC-Webhook-Signature': signature, 'Element-Instances': '1' },
				},
				true,
			)
}

/** Words in braces that are numbers, or names of which there are only so many: whatever else stands there names nothing. */
const NAMES_ONE = new Set(['id', 'subId', 'keyOrId', 'configId', 'replayId', 'eventId', 'subscriptionId', 'jobId', 'state'])

function breakPath(house: House, { path, one }: Tried, add: Add): void {
	const ids = idsFor(path, house.mine.ids)
	// Without its id a path may be that of the list; a store takes 0 for an object that has nothing.
	const fine = one.tag === 'Hub' ? ['', '0'] : ['']
	for (const name of Object.keys(ids))
		for (const { what, value } of brokenTexts())
			add(
				`${name} ${what}`,
				{ path: filled(path, { ...ids, [name]: value as string }) },
				NAMES_ONE.has(name) && !fine.includes(value as string),
			)
	if (Object.keys(ids).length > 0) add("another organization's ids", { path: filled(path, idsFor(path, house.theirs.ids)) }, false)
}

/** Parameters of which the schema says less than what is taken: what cannot be meant. */
const REFUSED: Readonly<Record<string, (text: string) => boolean>> = {
	nextPage: (text) => text !== '',
	from: (text) => text !== '' && Number.isNaN(Number(text)),
	to: (text) => text !== '' && Number.isNaN(Number(text)),
}

function breakQuery({ declared, id }: Tried, required: [string, string][], add: Add): void {
	for (const { name, schema, required: needed } of (declared.parameters ?? []).filter((one) => one.in === 'query')) {
		const others = required.filter(([other]) => other !== name)
		if (needed === true) add(`${name} missing`, { query: others }, true)
		for (const { what, value } of brokenTexts()) {
			// A path by the store's own names may be one record, of which there are no pages.
			const mustFail = !fits(schema, value) || (!id.startsWith('getAt') && (REFUSED[name]?.(value as string) ?? false))
			add(`${name} ${what}`, { query: [...others, [name, value as string]] }, mustFail)
		}
	}
}

function breakBody({ bodySchema, one }: Tried, example: Record<string, unknown>, base: Asked, add: Add): void {
	if (bodySchema === null) return
	const schema = bodySchema.$ref === undefined ? bodySchema : document.components.schemas[bodySchema.$ref.split('/').at(-1)!]!
	for (const name of Object.keys(schema.properties ?? {}))
		for (const { what, value } of breakages()) {
			const { [name]: _old, ...rest } = example
			const body = value === undefined ? rest : { ...rest, [name]: value }
			add(`${name} ${what}`, { body: JSON.stringify(body) }, !fits(bodySchema, body))
		}
	for (const text of ['{', '{"a":}', "{'a': 1}", '{"a":'.repeat(2000), '\u0000', 'a=b'])
		add(`body ${text.slice(0, 10)}`, { body: text }, true)
	for (const text of ['null', '[]', '"text"', '7', 'true']) add(`body ${text}`, { body: text }, !fits(bodySchema, JSON.parse(text)))
	add('no body', { body: '' }, one.bodyOptional === undefined)
	for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x', 'application/xml', 'json'])
		add(`a body declared ${type}`, { headers: { ...base.headers, 'Content-Type': type } }, true)
}

/** Authorizations that open nothing. */
function brokenAuthorizations({ mine, theirs }: House, { one }: Tried): string[] {
	const organization = mine.authorization.split(', ')[1]!
	return [
		'',
		'User',
		'User , Organization ',
		'Basic YTpi',
		'Bearer',
		'Bearer nothing',
		`Bearer ${mine.user}`,
		`Bearer sbs_${'a'.repeat(43)}`,
		`Bearer sbk_${'a'.repeat(43)}`,
		`User ${mine.user}`,
		organization,
		`Element ${mine.token}`,
		`User ${mine.user} ${organization}`,
		`User ${organization.split(' ')[1]!}, Organization ${mine.user}`,
		`User ${theirs.user}, ${organization}`,
		`User ${mine.user}, Organization ${theirs.user}`,
		`User ${mine.user}, Element ${theirs.token}`,
		`User ${mine.user}, Element ${mine.token}x`,
		`${mine.authorization}, User twice`,
		`${mine.authorization}, Password x`,
		`User ${'x'.repeat(3000)}, Organization y`,
		...(one.access === 'token' ? [mine.authorization] : []),
	]
}

/** Accept headers that take nothing of what the operation answers with. */
function unacceptable({ one }: Tried): string[] {
	const media = mediaOf(one)
	return [
		'text/html',
		'text/html, application/xhtml+xml',
		'image/png;q=1',
		'image/*',
		'application/xml',
		'application/pdf',
		'application/jsonp',
		'audio/*;q=0.5, video/mp4',
		'*/*;q=0',
		'application/*;q=0.000',
		'application/json;q=0',
		'json',
		'x',
	].filter((accept) => !media.some((one) => accept.includes(one) && !accept.includes('q=0')))
}

const METHODS = [
	'GET',
	'POST',
	'PUT',
	'PATCH',
	'DELETE',
	'PROPFIND',
	'REPORT',
	'MKCOL',
	'COPY',
	'MOVE',
	'LOCK',
	'UNLOCK',
	'SEARCH',
	'PURGE',
]

const ODD_HEADERS = [
	'X-Forwarded-For',
	'Range',
	'If-None-Match',
	'Elements-Request-Id',
	'Cookie',
	'Origin',
	'Accept-Language',
	'Last-Event-ID',
	'TE',
	'Expect',
	'X-HTTP-Method-Override',
	'Host',
	'Content-Language',
]

function fits(schema: Schema, value: unknown): boolean {
	return new Validator({ ...schema, components: document.components }, '2020-12').validate(value).valid
}
