/**
 * `event.poller.configuration`: which resources an instance watches and how (docs/contract.md §2, §3). Clients send an
 * object or its JSON, with numbers and booleans also as text; all are normalized to one form. The element interprets
 * urls and dates.
 */
import * as z from 'zod'
import type { Element } from '../elements/element.ts'
import { expectedAtMost, formatLimit, LIMITS } from '../lib/limits.ts'
import { toFieldProblems } from '../lib/text-schemas.ts'
import { parseBoolean, parseNumber, type FieldProblem } from '../lib/values.ts'
import type { PollerResource } from '../elements/form.ts'

/** The key's name, the first part of every field name in its errors. */
export const POLLER_KEY = 'event.poller.configuration'
/** How changes of variations are sent. */
export const VARIATIONS_KEY = 'event.poller.variations'
/** The older key, which lists names of default resources. */
export const POLLER_URLS_KEY = 'event.poller.urls'

/**
 * Labels that would collide with the other keys of a notification's `raw` (docs/contract.md §4), or with JavaScript's
 * own.
 */
const RESERVED_LABELS = new Set(['pollDate', 'objectType', '__proto__', 'constructor', 'prototype'])

/** A parsed poller configuration, or every problem. */
type PollerResult =
	| { ok: true; resources: Record<string, PollerResource> | null }
	| { ok: false; problems: FieldProblem[] }

const text = z.string('expected text').optional()
const flag = z.preprocess(
	(value) => (value === undefined ? value : parseBoolean(String(value))),
	z.boolean('expected true or false').optional(),
)
const secondsMessage = `expected a number of seconds, 0 to ${LIMITS.resourceSeconds.value} (a year)`
const seconds = z.preprocess(
	toNumber,
	z.number(secondsMessage).min(0, secondsMessage).max(LIMITS.resourceSeconds.value, secondsMessage).optional(),
)
const pageSizeMessage = 'expected a whole number from 1'
const urlMessage = 'expected the address of a collection such as /hubs/ecommerce/orders'

const datesSchema = objectSchema(
	z.looseObject({
		updatedDateField: text,
		updatedDateFormat: text,
		updatedDateTimezone: text,
		createdDateField: text,
		createdDateFormat: text,
		createdDateTimezone: text,
	}),
	'expected an object',
	(value) => value === null || value === '',
)

const resourceSchema = objectSchema(
	z.looseObject({
		url: z.string(urlMessage).refine((url) => getHubPath(url) !== null, urlMessage),
		idField: text,
		filterByUpdatedDate: flag,
		filterByCurrentDate: flag,
		createdCheckTolerance: seconds,
		pageSize: z.preprocess(toNumber, z.int(pageSizeMessage).min(1, pageSizeMessage).optional()),
		pollDelay: seconds,
		datesConfiguration: datesSchema.optional(),
	}),
	'expected an object with at least a url',
	(value) => value === null,
)

/** The whole value, as an object or its JSON; null if it names no resource. */
export const pollerSchema = z
	.preprocess(
		parseJson,
		z.custom<object | null>(
			(value) => value === null || isObject(value),
			'expected an object of resources, or that object as a JSON string',
		),
	)
	.transform((given, context): Record<string, PollerResource> | null => {
		const entries = Object.entries(given ?? {})
		if (entries.length === 0) return null
		if (entries.length > LIMITS.resources.value) {
			context.addIssue({ code: 'custom', message: `${expectedAtMost('resources')}, got ${entries.length}` })
			return z.NEVER
		}
		const resources: Record<string, PollerResource> = {}
		for (const [label, settings] of entries) {
			const problem = findLabelProblem(label)
			if (problem !== null) {
				const path = [label.slice(0, LIMITS.resourceLabel.value)]
				context.addIssue({ code: 'custom', message: problem, path })
				continue
			}
			const parsed = resourceSchema.safeParse(settings)
			if (parsed.success) resources[label] = parsed.data as unknown as PollerResource
			else addIssues(context, [label], parsed.error)
		}
		return resources
	})

/**
 * Parses the value of `event.poller.configuration`. `resources: null` if it is absent, empty or names no resource:
 * then the defaults apply. Unknown settings of a resource are kept.
 */
function parsePoller(value: unknown): PollerResult {
	const parsed = pollerSchema.safeParse(value)
	return parsed.success
		? { ok: true, resources: parsed.data }
		: { ok: false, problems: toFieldProblems(POLLER_KEY, parsed.error) }
}

/**
 * The watched resources of an instance: those of its poller configuration, otherwise those of the older
 * `event.poller.urls` (`customers|orders`), otherwise the element's defaults. `configuration` is the flat map as
 * stored.
 */
export function getEffectivePoller(
	configuration: Readonly<Record<string, string | null>>,
	element: Element,
): Record<string, PollerResource> {
	const configured = parsePoller(configuration[POLLER_KEY])
	if (configured.ok && configured.resources !== null) return configured.resources
	const names = parseNames(configuration[POLLER_URLS_KEY])
	if (names.length === 0 || findPollerUrlsProblem(configuration[POLLER_URLS_KEY], element) !== null)
		return element.defaultPoller
	return Object.fromEntries(names.map((name) => [name, element.defaultPoller[name]!]))
}

/**
 * The resources that are polled: the watched ones, and with `event.poller.variations` `own` the variations, unless a
 * resource has their collection.
 */
export function getPolledResources(
	configuration: Readonly<Record<string, string | null>>,
	element: Element,
): Record<string, PollerResource> {
	const resources = getEffectivePoller(configuration, element)
	const { variationsPoller } = element
	if (configuration[VARIATIONS_KEY] !== 'own' || variationsPoller === null) return resources
	const path = getHubPath(variationsPoller.settings.url)
	if (Object.values(resources).some(({ url }) => getHubPath(url) === path)) return resources
	return { ...resources, [toFreeLabel(variationsPoller.label, resources)]: variationsPoller.settings }
}

function toFreeLabel(label: string, resources: Readonly<Record<string, PollerResource>>): string {
	return Object.hasOwn(resources, label) ? toFreeLabel(`product-${label}`, resources) : label
}

/** The field of a resource's url in errors: the key that has added it, or its place in the poller configuration. */
export function toUrlField(
	element: Element,
	resources: Readonly<Record<string, PollerResource>>,
	label: string,
): string {
	return resources[label] === element.variationsPoller?.settings ? VARIATIONS_KEY : `${POLLER_KEY}.${label}.url`
}

/** The message about an invalid `event.poller.urls`, names of default resources joined with `|`; null: it is valid. */
export function findPollerUrlsProblem(value: string | null | undefined, element: Element): string | null {
	return parseNames(value).every((name) => Object.hasOwn(element.defaultPoller, name))
		? null
		: `expected names out of ${Object.keys(element.defaultPoller).join(', ')}, joined with |; ` +
				`${POLLER_KEY} watches any other collection`
}

/** The hub path of a resource's url: `/hubs/ecommerce/orders?where=…` → `orders`; null: it has none. */
export function getHubPath(url: string): string | null {
	const path = url
		.trim()
		.replace(/[?#].*$/s, '')
		.replace(/^https?:\/\/[^/]+/i, '')
		.replace(/^\/+/, '')
		.replace(/^elements\/api-v2\//, '')
		.replace(/^hubs\/[^/]+\//, '')
		.replace(/(?<!\/)\/+$/, '')
	return path === '' || path === 'hubs' || /^hubs\/[^/]*$/.test(path) ? null : path
}

/** An object's settings that are not empty, in the given order. */
function objectSchema(
	schema: z.ZodType<Record<string, unknown>>,
	message: string,
	isEmpty: (value: unknown) => boolean,
): z.ZodType<Record<string, unknown>> {
	return z.custom<object>(isObject, message).transform((given, context) => {
		const settings = Object.entries(given).filter(([name, value]) => name !== '__proto__' && !isEmpty(value))
		const parsed = schema.safeParse(Object.fromEntries(settings))
		if (parsed.success) return Object.fromEntries(settings.map(([name]) => [name, parsed.data[name]]))
		addIssues(context, [], parsed.error)
		return z.NEVER
	})
}

function addIssues(context: z.RefinementCtx, path: string[], error: z.ZodError): void {
	for (const issue of error.issues)
		context.addIssue({ code: 'custom', message: issue.message, path: [...path, ...issue.path] })
}

function findLabelProblem(label: string): string | null {
	return label.trim() === '' || label.length > LIMITS.resourceLabel.value || RESERVED_LABELS.has(label)
		? `expected a label of at most ${formatLimit('resourceLabel')} that is not blank, ` +
				'pollDate, objectType, __proto__, constructor or prototype'
		: null
}

/** The names joined with `|`, each once. */
function parseNames(value: string | null | undefined): string[] {
	const names = (value ?? '').split('|').map((name) => name.trim())
	return [...new Set(names.filter((name) => name !== ''))]
}

/** The value of a JSON text; other values unchanged, null if absent or blank. */
function parseJson(value: unknown): unknown {
	if (typeof value !== 'string') return value ?? null
	if (value.trim() === '') return null
	try {
		return JSON.parse(value) as unknown
	} catch {
		return value
	}
}

function toNumber(value: unknown): unknown {
	return typeof value === 'string' ? parseNumber(value) : value
}

function isObject(value: unknown): value is object {
	return typeof value === 'object' && value !== null && !Array.isArray(value)
}
