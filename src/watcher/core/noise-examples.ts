/**
 * Examples of noise for people: what differed between two reads of one object, without secrets and content. Values of
 * queries, and everything that may be a token or personal, are hidden. Pure.
 */
import { isUrlLike, maskUrl } from '../../lib/url-masks.ts'
import { readPath } from '../../elements/paths.ts'
import { isRecord } from '../../elements/values.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'

/** What differed between two reads of an object. */
export interface NoiseExample {
	objectId: ObjectId
	/** `query`: only the query of a URL; `address`: another part of it; `value`: anything else. */
	kind: 'query' | 'address' | 'value'
	/** In the first read and in the second one. Hidden values that differ are `<1>` and `<2>`. */
	values: [string, string]
}

/** The example after an erasure of an object: nothing of its values is left. */
export function eraseExample(example: NoiseExample | null | undefined, objectId: string): NoiseExample | null {
	if (example == null) return null
	return String(example.objectId) === objectId ? { ...example, values: ['<1>', '<2>'] } : example
}

const MAX_TEXT_LENGTH = 200
const MAX_NAME_LENGTH = 40
const MAX_PARAMETERS = 4
/** Longer parts of an address may be a signature. */
const MAX_SHOWN_PART_LENGTH = 24

/** Names whose values are never shown. */
const SECRET_NAMES =
	/auth|card|code|cookie|csrf|email|hash|iban|key|nonce|otp|pass|phone|pin|secret|session|sig|token|user/i
/** Values that say nothing about anybody: numbers, dates and times. */
const PLAIN_VALUE = /^-?\d{1,12}(?:[.,]\d{1,6})?$|^\d{4}-\d\d-\d\d(?:[T ][\d:.]{5,12}Z?)?$/

/** The example of a path that differs between two reads; null: the path leads to nothing that differs. */
export function toNoiseExample(path: string, before: Snapshot, after: Snapshot): NoiseExample | null {
	const pair = findFirstDifference(readPath(before.record, path), readPath(after.record, path), path)
	if (pair === null) return null
	const urls = toUrlPair(pair.values)
	if (urls !== null) return { objectId: before.id, ...describeUrls(urls) }
	const isSecret = SECRET_NAMES.test(pair.name)
	const values = pair.values.map((value, index) => describeValue(value, index + 1, isSecret))
	return { objectId: before.id, kind: 'value', values: [values[0]!, values[1]!] }
}

/** The first part in which two values differ, and the names that lead to it. */
function findFirstDifference(
	before: unknown,
	after: unknown,
	name: string,
): { name: string; values: [unknown, unknown] } | null {
	if (JSON.stringify(before) === JSON.stringify(after)) return null
	const isList = Array.isArray(before) && Array.isArray(after)
	if (!isList && !(isRecord(before) && isRecord(after))) return { name, values: [before, after] }
	const [left, right] = [before, after] as [Record<string, unknown>, Record<string, unknown>]
	for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
		const found = findFirstDifference(left[key], right[key], isList ? name : `${name}.${key}`)
		if (found !== null) return found
	}
	return null
}

/** The first URLs of two texts that differ; null: there are none. */
function toUrlPair([before, after]: [unknown, unknown]): [string, string] | null {
	if (typeof before !== 'string' || typeof after !== 'string') return null
	const isUrl = (text: string): boolean => !/\s/.test(text) && (isUrlLike(text) || /^[^<>{}]*[/\w]\?[^=]+=/.test(text))
	if (isUrl(before) && isUrl(after)) return [before, after]
	const [left, right] = [before, after].map((text) => text.match(/https?:(?:\\?\/){2}(?:[^\s"'<>\\]|\\\/)+/gi) ?? [])
	const index = left!.findIndex((url, at) => right![at] !== undefined && url !== right![at])
	return index < 0 ? null : [left![index]!, right![index]!]
}

function describeUrls([before, after]: [string, string]): Pick<NoiseExample, 'kind' | 'values'> {
	const [left, right] = [splitUrl(before), splitUrl(after)]
	return {
		kind: left.address === right.address ? 'query' : 'address',
		values: [describeUrl(left, right, 1), describeUrl(right, left, 2)],
	}
}

function splitUrl(url: string): { address: string; parameters: string[]; fragment: string } {
	const [, address, query = '', fragment = ''] = /^([^?#]*)\??([^#]*)(.*)$/s.exec(url)!
	const parameters = query.split('&').filter((parameter) => parameter !== '')
	return { address: maskUrl(address!), parameters, fragment }
}

/** A URL with the parts that differ from those of another one. */
function describeUrl(url: ReturnType<typeof splitUrl>, other: ReturnType<typeof splitUrl>, read: number): string {
	const otherParts = other.address.split('/')
	const address = url.address
		.split('/')
		.map((part, index) => (part === otherParts[index] || part.length <= MAX_SHOWN_PART_LENGTH ? part : `<${read}>`))
		.join('/')
	const differing = url.parameters.filter((parameter) => !other.parameters.includes(parameter))
	const shown = differing.slice(0, MAX_PARAMETERS).map((parameter) => {
		const name = /^([^=]+)=/.exec(parameter)?.[1]
		return name === undefined ? `<${read}>` : `${cut(name, MAX_NAME_LENGTH)}=<${read}>`
	})
	const hasMore = shown.length < url.parameters.length
	const fragment = url.fragment === other.fragment ? '' : `#<${read}>`
	const query = (shown.length === 0 && !hasMore ? '' : `?${[...shown, ...(hasMore ? ['…'] : [])].join('&')}`) + fragment
	return cut(address, MAX_TEXT_LENGTH - Math.min(query.length, MAX_TEXT_LENGTH / 2)) + cut(query, MAX_TEXT_LENGTH / 2)
}

function describeValue(value: unknown, read: number, isSecret: boolean): string {
	if (value === undefined) return 'nothing'
	if (value === null || typeof value === 'boolean') return String(value)
	const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
	if (text === '') return 'an empty text'
	if (!isSecret && PLAIN_VALUE.test(text)) return text
	return `<${read}> (${text.length.toLocaleString('en-US')} ${text.length === 1 ? 'character' : 'characters'})`
}

function cut(text: string, length: number): string {
	return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
