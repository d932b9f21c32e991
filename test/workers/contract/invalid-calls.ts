/** Calls in which one thing is broken, made of what the document says of an operation. */
import * as fc from 'fast-check'
import { getMediaTypes } from '../../../src/api/http/contract.ts'
import { isDeclared, openApiDocument, validateWithDocument } from './document.ts'
import { fillPath, type ApiRequest, type ContractWorld, pathParametersFor } from './world.ts'
import { invalidValues, invalidTexts, arbitraryFor } from '../../support/arbitraries.ts'
import { plainRequest, requiredQueryFor, type TestedOperation } from './tested-operations.ts'

/** A call that is odd; `mustFail`: that is broken, so that it has to be refused. */
export interface InvalidCall {
	description: string
	request: ApiRequest
	mustFail: boolean
}

type AddCall = (description: string, change: Partial<ApiRequest>, mustFail: boolean) => void

/** Every way in which a call of this operation is broken, and some in which it is only odd. */
export function invalidCalls(world: ContractWorld, tested: TestedOperation): InvalidCall[] {
	const example = (tested.one.example ??
		fc.sample(
			tested.bodySchema === null
				? fc.constant({})
				: arbitraryFor(tested.bodySchema, openApiDocument.components.schemas),
			{
				numRuns: 1,
				seed: 7,
			},
		)[0]) as Record<string, unknown>
	const base = plainRequest(world, tested, example, requiredQueryFor(tested))
	const calls: InvalidCall[] = []
	const add: AddCall = (description, change, mustFail) =>
		void calls.push({ description, request: { ...base, ...change }, mustFail })
	const header = (name: string, value: string): Partial<ApiRequest> => ({ headers: { ...base.headers, [name]: value } })

	if (tested.one.bare === true) {
		breakReceiver(tested, add)
		return calls
	}
	breakPath(world, tested, add)
	breakQuery(tested, base.query ?? [], add)
	breakBody(tested, example, base, add)
	if (tested.one.access !== 'public')
		for (const authorization of invalidAuthorizations(world, tested))
			// From an address of its own: failures are counted, and refused in their turn.
			add(
				`Authorization ${authorization.slice(0, 12)}`,
				{ headers: { ...base.headers, Authorization: authorization, 'CF-Connecting-IP': `broken ${tested.id}` } },
				true,
			)
	if (
		tested.declared.parameters?.some((parameter) => parameter.in === 'header' && parameter.name === 'Idempotency-Key')
	)
		for (const key of ['x'.repeat(256), 'two words', 'tab\there'])
			add(`Idempotency-Key ${key.slice(0, 12)}`, header('Idempotency-Key', key), true)
	for (const accept of unacceptableTypes(tested)) add(`Accept ${accept}`, header('Accept', accept), true)
	for (const method of HTTP_METHODS)
		if (!isDeclared(method, base.path))
			add(`the method ${method}`, { method, ...(method === 'GET' ? { body: undefined } : {}) }, true)

	for (const query of ['__proto__', 'constructor', 'toString', 'x[]', '%', 'pageSize[]', '💥'])
		add(`an unknown parameter ${query}`, { query: [...(base.query ?? []), [query, 'x'.repeat(50)]] }, false)
	for (const name of ODD_HEADERS) add(`${name} with nonsense`, header(name, '"\'<>;='), false)
	return calls
}

/** What stores call takes whatever a store may send: what is refused is an element that there is not, and what nobody signed. */
function breakReceiver({ path, one: operation }: TestedOperation, add: AddCall): void {
	const pathOf = (elementKey: string): string => fillPath(path, { elementKey, instance: 'MQ==' })
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
		for (const suffix of ['', 's', '.json'])
			add(`the element ${name}${suffix}`, { path: pathOf(name + suffix) }, operation.method === 'post')
	// A look at the address is answered, whatever it is.
	if (operation.method === 'get') return
	for (const signature of ['', 'x', 'MQ==', '='.repeat(44), 'A'.repeat(43), `${'A'.repeat(43)}=`, '💥', 'sha256=abc'])
		for (const topic of ['order.updated', 'order.nothing', 'action.x'])
			add(
				`${topic} signed ${signature.slice(0, 4)}`,
				{
					path: pathOf('woocommercerest'),
					headers: { 'X-WC-Webhook-Topic': topic, 'X-WC-Webhook-Signature': signature, 'Element-Instances': '1' },
				},
				true,
			)
}

/** Words in braces that are numbers, or names of which there are only so many: whatever else stands there names nothing. */
const IDENTIFIER_PARAMETERS = new Set([
	'id',
	'subId',
	'keyOrId',
	'configId',
	'replayId',
	'eventId',
	'subscriptionId',
	'jobId',
	'state',
])

function breakPath(world: ContractWorld, { path, one: operation }: TestedOperation, add: AddCall): void {
	const ids = pathParametersFor(path, world.own.ids)
	// Without its id a path may be that of the list; a store takes 0 for an object that has nothing.
	const allowed = operation.tag === 'Hub' ? ['', '0'] : ['']
	for (const name of Object.keys(ids))
		for (const { what, value } of invalidTexts())
			add(
				`${name} ${what}`,
				{ path: fillPath(path, { ...ids, [name]: value as string }) },
				IDENTIFIER_PARAMETERS.has(name) && !allowed.includes(value as string),
			)
	if (Object.keys(ids).length > 0)
		add("another organization's ids", { path: fillPath(path, pathParametersFor(path, world.other.ids)) }, false)
}

/** Parameters of which the schema says less than what is taken: what cannot be meant. */
const REFUSED_VALUES: Readonly<Record<string, (text: string) => boolean>> = {
	nextPage: (text) => text !== '',
	from: (text) => text !== '' && Number.isNaN(Number(text)),
	to: (text) => text !== '' && Number.isNaN(Number(text)),
}

function breakQuery({ declared, id }: TestedOperation, required: [string, string][], add: AddCall): void {
	for (const { name, schema, required: isRequired } of (declared.parameters ?? []).filter(
		(parameter) => parameter.in === 'query',
	)) {
		const others = required.filter(([other]) => other !== name)
		if (isRequired === true) add(`${name} missing`, { query: others }, true)
		for (const { what, value } of invalidTexts()) {
			// A path by the store's own names may be one record, of which there are no pages.
			const mustFail =
				!validateWithDocument(schema, value).valid ||
				(!id.startsWith('getAt') && (REFUSED_VALUES[name]?.(value as string) ?? false))
			add(`${name} ${what}`, { query: [...others, [name, value as string]] }, mustFail)
		}
	}
}

function breakBody(
	{ bodySchema, one: operation }: TestedOperation,
	example: Record<string, unknown>,
	base: ApiRequest,
	add: AddCall,
): void {
	if (bodySchema === null) return
	const schema =
		bodySchema.$ref === undefined ? bodySchema : openApiDocument.components.schemas[bodySchema.$ref.split('/').at(-1)!]!
	for (const name of Object.keys(schema.properties ?? {}))
		for (const { what, value } of invalidValues()) {
			const { [name]: _old, ...rest } = example
			const body = value === undefined ? rest : { ...rest, [name]: value }
			add(`${name} ${what}`, { body: JSON.stringify(body) }, !validateWithDocument(bodySchema, body).valid)
		}
	for (const text of ['{', '{"a":}', "{'a': 1}", '{"a":'.repeat(2000), '\u0000', 'a=b'])
		add(`body ${text.slice(0, 10)}`, { body: text }, true)
	for (const text of ['null', '[]', '"text"', '7', 'true'])
		add(`body ${text}`, { body: text }, !validateWithDocument(bodySchema, JSON.parse(text)).valid)
	add('no body', { body: '' }, operation.bodyOptional === undefined)
	for (const type of [
		'application/x-www-form-urlencoded',
		'text/plain',
		'multipart/form-data; boundary=x',
		'application/xml',
		'json',
	])
		add(`a body declared ${type}`, { headers: { ...base.headers, 'Content-Type': type } }, true)
}

/** Authorizations that open nothing. */
function invalidAuthorizations({ own, other }: ContractWorld, { one: operation }: TestedOperation): string[] {
	const organization = own.authorization.split(', ')[1]!
	return [
		'',
		'User',
		'User , Organization ',
		'Basic YTpi',
		'Bearer',
		'Bearer nothing',
		`Bearer ${own.user}`,
		`Bearer sbs_${'a'.repeat(43)}`,
		`Bearer sbk_${'a'.repeat(43)}`,
		`User ${own.user}`,
		organization,
		`Element ${own.token}`,
		`User ${own.user} ${organization}`,
		`User ${organization.split(' ')[1]!}, Organization ${own.user}`,
		`User ${other.user}, ${organization}`,
		`User ${own.user}, Organization ${other.user}`,
		`User ${own.user}, Element ${other.token}`,
		`User ${own.user}, Element ${own.token}x`,
		`${own.authorization}, User twice`,
		`${own.authorization}, Password x`,
		`User ${'x'.repeat(3000)}, Organization y`,
		...(operation.access === 'token' ? [own.authorization] : []),
	]
}

/** Accept headers that take nothing of what the operation answers with. */
function unacceptableTypes({ one: operation }: TestedOperation): string[] {
	const media = getMediaTypes(operation)
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
	].filter((accept) => !media.some((type) => accept.includes(type) && !accept.includes('q=0')))
}

const HTTP_METHODS = [
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
