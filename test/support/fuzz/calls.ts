/** Makes calls out of the document, and breaks them at random. Everything follows from the seed, the index and what was learned. */
import * as fc from 'fast-check'
import type { Schema } from '@cfworker/json-schema'
import type { Random } from '../../store/random.ts'
import { arbitraryFor } from '../arbitraries.ts'
import { pathParametersFor } from '../contract-world.ts'
import type { DeclaredOperation, OpenApiDocument } from '../document.ts'
import { breakText, breakValue, toJsonText } from './bodies.ts'
import {
	METHODS,
	ODD_CONTENT_TYPES,
	ODD_DATES,
	ODD_HEADERS,
	ODD_NUMBERS,
	ODD_QUERY_NAMES,
	ODD_QUERY_VALUES,
	ODD_SEGMENTS,
} from './odd.ts'

/** Who calls. `foreign`: my user with another organization's element token; `former`: what was revoked or has expired. */
export type Actor = 'owner' | 'session' | 'viewer' | 'key' | 'other' | 'foreign' | 'former' | 'nobody'

/** An operation as calls are made of it. */
export interface FuzzOperation {
	id: string
	method: string
	/** As the document has it. */
	path: string
	declared: DeclaredOperation
	access: 'public' | 'token' | 'caller'
	bodySchema: Schema | null
	/** Fits, and belongs to this world. */
	example: unknown
	body: fc.Arbitrary<unknown>
	query: fc.Arbitrary<Record<string, unknown>>
}

/** A call, byte for byte. */
export interface FuzzCall {
	operation: string
	actor: Actor
	method: string
	/** Path and query as they are sent. */
	target: string
	headers: [name: string, value: string][]
	body: Uint8Array<ArrayBuffer> | null
	/** What is broken; empty: the call fits. */
	changes: string[]
}

/** What calls are made with: the ids of this world, and what earlier answers told. */
export interface FuzzKnowledge {
	own: Record<string, string>
	other: Record<string, string>
	/** By the path of the collection that they were made in, newest last. */
	learned: Map<string, string[]>
	/** Tokens of next pages. */
	pages: string[]
	authorizations: Record<Exclude<Actor, 'nobody'>, { plain: string; token: string }>
}

interface Draft {
	actor: Actor
	path: string
	query: [name: string, value: string][]
	method: string
	headers: [name: string, value: string][]
	json: unknown
	body: string | Uint8Array | null
}

/** The operations of a document. `adapt` makes an example's text one of this world. */
export function toFuzzOperations(document: OpenApiDocument, adapt: (text: string) => string): FuzzOperation[] {
	const { schemas } = document.components
	return Object.entries(document.paths).flatMap(([path, methods]) =>
		Object.entries(methods).map(([method, declared]): FuzzOperation => {
			const content = declared.requestBody?.content['application/json']
			const schema = content?.schema ?? null
			const resolved = schema?.$ref === undefined ? schema : schemas[schema.$ref.split('/').at(-1)!]!
			const example = content?.example ?? (resolved?.['examples'] as unknown[] | undefined)?.[0] ?? {}
			const parameters = (declared.parameters ?? []).filter((parameter) => parameter.in === 'query')
			return {
				id: declared.operationId,
				method: method.toUpperCase(),
				path,
				declared,
				access:
					declared.security === undefined
						? 'caller'
						: declared.security.some((scheme) => 'token' in scheme)
							? 'token'
							: 'public',
				bodySchema: schema,
				example: JSON.parse(adapt(JSON.stringify(example))),
				body: schema === null ? fc.constant(undefined) : arbitraryFor(schema, schemas),
				query: fc.record(
					Object.fromEntries(parameters.map(({ name, schema: value }) => [name, arbitraryFor(value, schemas)])),
					{ requiredKeys: parameters.filter(({ required }) => required === true).map(({ name }) => name) },
				),
			}
		}),
	)
}

/** The call of an index. */
export function createCall(random: Random, operation: FuzzOperation, knowledge: FuzzKnowledge): FuzzCall {
	const actor = pickActor(random)
	const draft = createDraft(random, operation, actor, knowledge)
	const changes: string[] = []
	for (let left = random.pick([0, 0, 1, 1, 1, 1, 1, 2, 2, 3]); left > 0; left--)
		changes.push(random.pick(applicableBreaks(random, operation))(random, draft, knowledge, operation))
	if (draft.body === null && draft.json !== undefined) draft.body = toJsonText(draft.json)
	const query = draft.query.map(([name, value]) => `${name}=${value}`).join('&')
	return {
		operation: operation.id,
		actor: draft.actor,
		method: draft.method,
		target: draft.path + (query === '' ? '' : `?${query}`),
		headers: draft.headers,
		body: draft.body === null ? null : toBytes(draft.body),
		changes,
	}
}

function toBytes(body: string | Uint8Array): Uint8Array<ArrayBuffer> {
	return new Uint8Array(typeof body === 'string' ? Buffer.from(body) : body)
}

function pickActor(random: Random): Actor {
	return random.chance(0.7)
		? random.pick(['owner', 'session'])
		: random.pick(['viewer', 'viewer', 'key', 'key', 'other', 'other', 'foreign', 'former', 'nobody'])
}

function createDraft(random: Random, operation: FuzzOperation, actor: Actor, knowledge: FuzzKnowledge): Draft {
	const seed = random.int(0, 0x7fffffff)
	const sample = <T>(arbitrary: fc.Arbitrary<T>): T => fc.sample(arbitrary, { numRuns: 1, seed })[0]!
	const json =
		operation.bodySchema === null ? undefined : random.chance(0.6) ? operation.example : sample(operation.body)
	const authorization =
		actor === 'nobody' || (operation.access === 'public' && random.chance(0.9))
			? null
			: knowledge.authorizations[actor][operation.access === 'token' ? 'token' : 'plain']
	return {
		actor,
		path: fillTemplate(random, operation.path, knowledge),
		query: Object.entries(sample(operation.query)).flatMap(([name, value]): [string, string][] =>
			value === undefined ? [] : [value].flat().map((item) => [name, encodeURIComponent(String(item).toWellFormed())]),
		),
		method: operation.method,
		headers: [
			// Failures are counted by address, and refused in their turn.
			['CF-Connecting-IP', `10.${random.int(0, 255)}.${random.int(0, 255)}.${random.int(1, 254)}`],
			...(authorization === null ? [] : ([['Authorization', authorization]] as [string, string][])),
			...(json === undefined ? [] : ([['Content-Type', 'application/json']] as [string, string][])),
		],
		json,
		body: null,
	}
}

/** Fills the braces: mostly with ids that there are, of what was made last or of the world; now and then with another organization's. */
function fillTemplate(random: Random, path: string, { own, other, learned }: FuzzKnowledge): string {
	const ids = pathParametersFor(path, random.chance(0.92) ? own : other)
	return path.replace(/\{(\w+)\}/g, (whole, name: string) => {
		const made = learned.get(path.slice(0, path.indexOf(whole)).replace(/\/$/, '')) ?? []
		const value = made.length > 0 && random.chance(0.6) ? made[random.chance(0.6) ? made.length - 1 : 0] : ids[name]
		return encodeURIComponent(value ?? '1')
	})
}

type Break = (random: Random, draft: Draft, knowledge: FuzzKnowledge, operation: FuzzOperation) => string

/** What can be broken of an operation; the more often it stands here, the more often it is. */
function applicableBreaks(random: Random, { bodySchema, path, declared }: FuzzOperation): readonly Break[] {
	const hasQuery = declared.parameters?.some((parameter) => parameter.in === 'query') === true
	return [
		...(bodySchema === null
			? []
			: [breakJson, breakJson, breakJson, breakJson, breakBodyText, random.pick([breakContentType, breakLength])]),
		...(path.includes('{') ? [breakSegment, breakSegment] : []),
		...(hasQuery ? [breakParameter, breakParameter, breakParameter] : []),
		...(hasQuery || bodySchema !== null ? [addParameter, addHeader] : []),
		random.pick([breakShape, breakAuthorization, breakMethod]),
		addHeader,
	]
}

const breakJson: Break = (random, draft) => {
	const broken = breakValue(random, draft.json)
	draft.json = broken.value
	return `body ${broken.what}`
}

const breakBodyText: Break = (random, draft) => {
	const { body, what } = breakText(random, toJsonText(draft.json))
	draft.body = body
	if (what === 'gzip' && random.chance(0.5)) setHeader(draft, 'Content-Encoding', 'gzip')
	return `body ${what}`
}

const breakContentType: Break = (random, draft) => {
	const type = random.pick(ODD_CONTENT_TYPES)
	setHeader(draft, 'Content-Type', type)
	return `Content-Type ${type.slice(0, 40)}`
}

const breakLength: Break = (random, draft) => {
	const length = toJsonText(draft.json).length
	const declared = String(random.pick([0, length >> 1, length + 10, 3_000_000]))
	setHeader(draft, 'Content-Length', declared)
	return `Content-Length ${declared}`
}

const breakSegment: Break = (random, draft, _knowledge, operation) => {
	const places = operation.path.split('/').flatMap((segment, index) => (segment.startsWith('{') ? [index] : []))
	const segments = draft.path.split('/')
	const place = random.pick(places)
	segments[place] = random.pick(ODD_SEGMENTS)
	draft.path = segments.join('/')
	return `segment ${place} ${segments[place].slice(0, 40)}`
}

const breakShape: Break = (random, draft) => {
	const segments = draft.path.split('/')
	const place = random.int(1, Math.max(1, segments.length - 1))
	const shapes: Record<string, () => string> = {
		'a slash at the end': () => `${draft.path}/`,
		'two slashes': () => draft.path.replace(/\/([^/]*)$/, '//$1'),
		'one more segment': () => `${draft.path}/${random.pick(ODD_SEGMENTS.slice(1))}`,
		'one segment less': () => segments.toSpliced(place, 1).join('/') || '/',
		'a segment in capitals': () => segments.with(place, segments[place]!.toUpperCase()).join('/'),
		'a dot segment': () => segments.toSpliced(place, 0, random.pick(['.', '..', '%2e', '%2E%2e'])).join('/'),
		'an encoded letter': () =>
			segments
				.with(
					place,
					segments[place]!.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
				)
				.join('/'),
		'an encoded slash': () => draft.path.replace(/\/([^/]*)$/, '%2F$1'),
		'an extension': () => `${draft.path}${random.pick(['.json', '.html', '%20', '%00', ';x=1'])}`,
	}
	const what = random.pick(Object.keys(shapes))
	// A target begins with a slash.
	draft.path = `/${shapes[what]!().replace(/^\//, '')}`
	return what
}

const breakParameter: Break = (random, draft, { pages }, operation) => {
	const { name } = random.pick(operation.declared.parameters!.filter((parameter) => parameter.in === 'query'))
	const rest = draft.query.filter(([other]) => other !== name)
	const page = pages.length > 0 && name === 'nextPage' ? tamper(random, random.pick(pages)) : null
	const value =
		page ??
		random.pick(
			random.chance(0.5) ? ODD_QUERY_VALUES : [...ODD_NUMBERS, ...ODD_DATES].map((text) => encodeURIComponent(text)),
		)
	draft.query = random.chance(0.1) ? rest : [...(random.chance(0.2) ? draft.query : rest), [name, value]]
	return `${name}=${value.slice(0, 40)}`
}

/** A token of another call's next page, as it is or with a piece of it changed. */
function tamper(random: Random, token: string): string {
	const at = random.int(0, Math.max(0, token.length - 1))
	return encodeURIComponent(
		random.pick([
			token,
			token.slice(0, at),
			token.slice(0, at) + random.pick([...'Az09-_=']) + token.slice(at + 1),
			token + token,
			Buffer.from('{"v":1,"id":-1}').toString('base64url'),
			Buffer.from(
				Buffer.from(token, 'base64url').map((byte: number, index: number) => (index === at ? byte ^ 1 : byte)),
			).toString('base64url'),
		]),
	)
}

const addParameter: Break = (random, draft) => {
	const times = random.pick([1, 1, 2, 300])
	// The runtime itself refuses a target of 64 KB.
	const name = random.pick(ODD_QUERY_NAMES).slice(0, times > 2 ? 20 : 300)
	for (let left = times; left > 0; left--) draft.query.push([name, times > 2 ? '1' : random.pick(ODD_QUERY_VALUES)])
	return `${times} × the parameter ${name.slice(0, 20)}`
}

const breakAuthorization: Break = (random, draft, { authorizations }) => {
	const { plain, token } = authorizations.owner
	const value = random.pick([
		'',
		'User',
		'User , Organization ',
		'Basic YTpi',
		'Bearer',
		'Bearer null',
		`Bearer sbs_${'a'.repeat(43)}`,
		`Bearer sbk_${'_'.repeat(43)}`,
		`Bearer sbl_${'a'.repeat(43)}`,
		`${plain}, User twice`,
		`${plain}, Password x`,
		`${plain}, Element x`,
		`${token}x`,
		plain.toLowerCase(),
		plain.replace(', ', ' '),
		plain.replace(/User \S+/, 'User %'),
		plain.replace(/User \S+/, "User ' OR '1'='1"),
		`,,, ${plain} ,,,`,
		`\t${token}\t`,
		`${authorizations.session.plain}, ${plain}`,
		'\xFC\xFF',
		`User ${'x'.repeat(3000)}`,
	])
	setHeader(draft, 'Authorization', value)
	// Some of them are right after all.
	draft.actor = 'owner'
	return `Authorization ${value.slice(0, 12)}`
}

const breakMethod: Break = (random, draft) => {
	draft.method = random.pick(METHODS)
	return `the method ${draft.method}`
}

const addHeader: Break = (random, draft) => {
	const [name, values] = random.pick(random.chance(0.4) ? ODD_HEADERS.slice(0, 2) : ODD_HEADERS)
	setHeader(draft, name, random.pick(values))
	return name
}

function setHeader(draft: Draft, name: string, value: string): void {
	draft.headers = [...draft.headers.filter(([other]) => other.toLowerCase() !== name.toLowerCase()), [name, value]]
}
