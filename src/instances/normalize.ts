/**
 * Normalizes an instance's configuration: a flat map of dotted keys, as clients send it, becomes the one to store
 * (docs/contract.md §2, §3). Pure.
 */
import type { PollerResource } from '../elements/form.ts'
import { FILTER_KEYS, parseFilter } from '../events/filter.ts'
import { expectedAtMost, LIMITS } from '../lib/limits.ts'
import { toFieldProblems } from '../lib/text-schemas.ts'
import { hasMaskedParts, isUrlLike, MASKED_URL_MESSAGE, restoreMaskedUrl } from '../lib/url-masks.ts'
import { toStoreBase } from '../lib/urls.ts'
import { isPlaceholder, SECRET_MASK, toText, type FieldProblem } from '../lib/values.ts'
import { CONFIGURATION_KEYS, getValue, isKnownKey } from './configuration-keys.ts'
import type { KeyOptions } from './key-kinds.ts'
import { getEffectivePoller, getPolledResources, POLLER_KEY, POLLER_URLS_KEY, pollerSchema } from './poller.ts'

/** Context of normalizing. */
export interface NormalizeOptions extends KeyOptions {
	/** The previous configuration with secrets in the clear, which `********` refers to; empty at creation. */
	previous: Readonly<Record<string, string | null>>
	/** What is not sent keeps its previous value. */
	merge?: boolean
}

/** A configuration to store, with secrets still in the clear. */
export interface NormalizedConfiguration {
	values: Record<string, string | null>
	eventsEnabled: boolean
	/** The site's address as given, shortened to its base. */
	storeUrl: string
	/** The watched resources, including defaults. */
	resources: Record<string, PollerResource>
}

/** The normalized configuration, or every problem. */
type NormalizeResult = { ok: true; value: NormalizedConfiguration } | { ok: false; problems: FieldProblem[] }

/** Parses a configuration as sent, by the table of docs/contract.md §2. */
export function normalizeConfiguration(
	sentInput: Readonly<Record<string, unknown>>,
	options: NormalizeOptions,
): NormalizeResult {
	const input = options.merge === true ? mergeInput(sentInput, options) : sentInput
	if (new TextEncoder().encode(JSON.stringify(input)).length > LIMITS.configuration.value)
		return { ok: false, problems: [{ field: 'configuration', message: expectedAtMost('configuration') }] }
	const sent = readSent(input, options.previous)
	const problems = [...findNameProblems(input), ...findPresenceProblems(sent, options)]
	const { values, problems: valueProblems } = parseValues(sent, options)
	problems.push(...valueProblems)
	// The labels are only known if the poller configuration is valid.
	const hasPoller = !valueProblems.some(({ field }) => isPollerField(field))
	const filter = parseFilter(values, hasPoller ? Object.keys(getPolledResources(values, options.element)) : null)
	if (!filter.ok) return { ok: false, problems: [...problems, ...filter.problems] }
	if (problems.length > 0) return { ok: false, problems }
	const { types, resources } = filter.filter
	if (types !== null) values[FILTER_KEYS.types] = types.join('|')
	if (resources !== null) values[FILTER_KEYS.resources] = resources.join('|')
	return {
		ok: true,
		value: {
			values,
			eventsEnabled: getValue(values, 'event.notification.enabled') === 'true',
			storeUrl: values['store.url'] ?? '',
			resources: getPolledResources(values, options.element),
		},
	}
}

/**
 * The previous configuration with what was sent: null and blank values remove, except those of required keys. What says
 * nothing new keeps the previous value: an optional key's placeholder or `********`, and the shown poller
 * configuration, which may come from defaults or from `event.poller.urls`.
 */
function mergeInput(
	sent: Readonly<Record<string, unknown>>,
	{ previous, element }: NormalizeOptions,
): Record<string, unknown> {
	const isRequired = (key: string): boolean => element.configuration.some((form) => form.key === key && form.required)
	const shownPoller = JSON.stringify(getEffectivePoller(previous, element))
	const given = Object.entries(sent).filter(
		([key, value]) =>
			!(isKnownKey(element, key) && !isRequired(key) && holdsPlaceholder(value)) &&
			!(value === SECRET_MASK && !isRequired(key)) &&
			!(key === POLLER_KEY && toPollerText(value) === shownPoller),
	)
	const merged: Record<string, unknown> = { ...previous, ...Object.fromEntries(given) }
	for (const [key, value] of given) if (isBlank(value) && !isKnownKey(element, key)) delete merged[key]
	const alias = sent[STORE_URL_ALIAS]
	if ('store.url' in sent) {
		// Removing the required address is refused, whatever its stored alias is.
		if (isBlank(sent['store.url']) && isBlank(alias)) merged[STORE_URL_ALIAS] = null
	} else if (namesOtherStore(alias, previous)) merged['store.url'] = null
	return merged
}

const STORE_URL_ALIAS = 'oauth.callback.url'

/** Whether an alias is a new address for a store whose address came from the alias. */
function namesOtherStore(alias: unknown, previous: NormalizeOptions['previous']): boolean {
	const previousAlias = previous[STORE_URL_ALIAS] ?? ''
	return (
		typeof alias === 'string' &&
		!isBlank(alias) &&
		restoreMaskedUrl(alias, previousAlias) !== previousAlias &&
		!isBlank(previousAlias) &&
		toHost(previousAlias) === toHost(previous['store.url'] ?? '')
	)
}

function toHost(address: string): string {
	return URL.parse(toStoreBase(address))?.host ?? ''
}

/** A poller configuration in its stored form; null: it is invalid, or names no resource. */
function toPollerText(value: unknown): string | null {
	const parsed = pollerSchema.safeParse(value)
	return parsed.success && parsed.data !== null ? JSON.stringify(parsed.data) : null
}

/** The values as sent by key, with masked secrets replaced, and the store's address also by its alias. */
function readSent(
	input: Readonly<Record<string, unknown>>,
	previous: NormalizeOptions['previous'],
): ReadonlyMap<string, unknown> {
	const sent = new Map<string, unknown>()
	for (const [key, value] of Object.entries(input))
		if (key !== '__proto__') sent.set(key, toUnmasked(value, previous[key] ?? null))
	const alias = sent.get(STORE_URL_ALIAS)
	if (isBlank(sent.get('store.url')) && !isBlank(alias)) sent.set('store.url', alias)
	return sent
}

/** A value as sent; the previous one in place of `********`, alone or in a URL. */
function toUnmasked(value: unknown, previous: string | null): unknown {
	if (value === SECRET_MASK) return previous
	return typeof value === 'string' ? restoreMaskedUrl(value, previous) : value
}

function findNameProblems(input: Readonly<Record<string, unknown>>): FieldProblem[] {
	return Object.keys(input)
		.filter((key) => key.length > LIMITS.configurationKey.value)
		.map((key) => ({
			field: `configuration.${key.slice(0, 64)}…`,
			message: `${expectedAtMost('configurationKey')} in a key`,
		}))
}

/** Required keys that are missing or contain a placeholder. */
function findPresenceProblems(sent: ReadonlyMap<string, unknown>, { element }: NormalizeOptions): FieldProblem[] {
	const required = element.configuration.filter((form) => form.required).map((form) => form.key)
	const withPlaceholder = required.filter((key) => holdsPlaceholder(sent.get(key)))
	const missing = required.filter((key) => isBlank(sent.get(key)))
	return [
		...withPlaceholder.map((key) => ({
			field: key,
			message: "expected a value, got the documentation's placeholder",
		})),
		...(missing.length === 0 ? [] : [{ field: 'configuration', message: `missing ${missing.join(', ')}` }]),
	]
}

/**
 * The values to store. Blank values and placeholders count as absent; unknown keys are stored as text. An unchanged
 * value stays valid: earlier versions accepted values that this one refuses.
 */
function parseValues(
	sent: ReadonlyMap<string, unknown>,
	options: NormalizeOptions,
): { values: Record<string, string | null>; problems: FieldProblem[] } {
	const isAbsent = (value: unknown): boolean => isBlank(value) || holdsPlaceholder(value)
	const values: Record<string, string | null> = {}
	for (const [key, value] of sent)
		values[key] = isKnownKey(options.element, key) && isAbsent(value) ? null : toText(value)
	const problems: FieldProblem[] = []
	for (const { key, schema } of CONFIGURATION_KEYS) {
		const value = sent.get(key)
		if (isAbsent(value) || value === options.previous[key]) continue
		const parsed = schema(options).safeParse(value)
		if (parsed.success) values[key] = parsed.data
		else problems.push(...toFieldProblems(key, parsed.error))
	}
	problems.push(...findMaskProblems(values, options.previous, problems))
	return { values, problems }
}

/** Changed URLs with `********`: the value that it hides is not known. */
function findMaskProblems(
	values: Readonly<Record<string, string | null>>,
	previous: NormalizeOptions['previous'],
	known: readonly FieldProblem[],
): FieldProblem[] {
	return Object.entries(values)
		.filter(([key, value]) => value !== null && value !== previous[key] && isUrlLike(value) && hasMaskedParts(value))
		.filter(([key]) => !known.some(({ field }) => field === key))
		.map(([key]) => ({ field: key.slice(0, 64), message: MASKED_URL_MESSAGE }))
}

function isPollerField(field: string): boolean {
	return field === POLLER_URLS_KEY || field === POLLER_KEY || field.startsWith(`${POLLER_KEY}.`)
}

function holdsPlaceholder(value: unknown): boolean {
	const text = toText(value)
	return text !== null && isPlaceholder(text)
}

function isBlank(value: unknown): boolean {
	return value === null || value === undefined || (typeof value === 'string' && value.trim() === '')
}
