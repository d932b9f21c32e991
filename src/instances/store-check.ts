/**
 * Checks a configuration, or any part of one, without creating or changing anything: by the checks of creation, each
 * part by itself. At most 60 requests to the store.
 */
import type { User } from '../accounts/setup.ts'
import type { Element } from '../elements/element.ts'
import type { PollableCollection, PollerResource } from '../elements/form.ts'
import type {
	ConnectError,
	Connection,
	DateRule,
	Resource,
	Snapshot,
	StoreClient,
	StoreInspection,
	VendorRecord,
	WriteAccess,
} from '../elements/store.ts'
import { getValueAt } from '../elements/values.ts'
import { mapConcurrent } from '../lib/concurrency.ts'
import { SECRET_MASK, toText, type FieldProblem } from '../lib/values.ts'
import { findReachabilityProblem } from './addresses.ts'
import { checkCallback, type CallbackCheck, type CallbackSender } from './callback-check.ts'
import {
	findArgumentProblems,
	findPaths,
	normalizeOptionsFor,
	parseResources,
	toConnectProblems,
	toFieldOf,
} from './checks.ts'
import { getCallbackUrl, getVariationMode } from './config.ts'
import { toNewConfiguration } from './configuration-keys.ts'
import { normalizeConfiguration, type NormalizedConfiguration, type NormalizeOptions } from './normalize.ts'
import { POLLER_KEY, toUrlField } from './poller.ts'
import type { Services } from './services.ts'
import { toCredentials } from './stores.ts'
import { wantsWebhooks } from './webhooks.ts'

/** Resources of which the newest record is read, and how many at a time. */
const MAX_CHECKED_RESOURCES = 20
const CONCURRENT_READS = 4

/** A configuration to check. */
export interface StoreCheckInput {
	configuration: Readonly<Record<string, unknown>>
	/** List the store's collections. */
	collections: boolean
	/** Send a test event to the callback. */
	callback: boolean
	/** What the test event names. */
	sender: Omit<CallbackSender, 'resource'>
}

/** What is known of a date of the newest record. */
export interface CheckedDate {
	kind: 'updated' | 'created'
	/** The field that is read: the configured one, or its `_gmt` sibling. */
	field: string
	/** Its value as the store shows it; null: the record has none. */
	value: string | null
	/** What it parses to, epoch ms; null: it cannot be read. */
	ms: number | null
}

/** One resource of the poller. */
export interface CheckedResource {
	label: string
	url: string
	/** As it will be polled; null: it cannot be. */
	resource: Resource | null
	/** Objects that the store counts; null: not known. */
	total: number | null
	/**
	 * Variations whose changes are sent with it: how many a list of all has (null: there is none), and how many objects
	 * have some. null: none are read, or it is not known.
	 */
	variations: { listed: number | null; owners: number } | null
	dates: CheckedDate[]
	problems: FieldProblem[]
}

/** What a check finds. `null` parts were not checked, because what they need is missing. */
export interface StoreCheck {
	/** Requests that were made to the store. */
	requests: number
	/** Of the configuration itself, without a look at the store. */
	problems: FieldProblem[]
	/** The configuration without what is wrong. */
	values: Record<string, string | null>
	store: { ok: true; connection: Pick<Connection, 'home' | 'name'>; version: string } | PartProblems | null
	key: { ok: true; write: WriteAccess; problems: FieldProblem[] } | PartProblems | null
	resources: CheckedResource[]
	collections: (PollableCollection & { total: number | null })[] | null
	callback: CallbackCheck | null
}

/** Why a part is not ok. */
interface PartProblems {
	ok: false
	problems: FieldProblem[]
	providerMessage: string | null
}

/** Checks what is there. `previous`: the stored configuration of an instance in the clear, which the input changes. */
export async function checkStore(
	services: Services,
	user: User,
	element: Element,
	input: StoreCheckInput,
	previous: Readonly<Record<string, string | null>> | null,
): Promise<StoreCheck> {
	const options = { ...normalizeOptionsFor(services, element, previous ?? {}), merge: previous !== null }
	const { normalized, problems, hasStore, hasKey } = readInput(input.configuration, options)
	const { values, resources } = normalized
	const { paths, problems: pathProblems } = findPaths(element, resources)
	const usesWebhooks = wantsWebhooks({ eventsEnabled: normalized.eventsEnabled, configuration: values })
	const inspection = hasStore
		? await element.inspect(toCredentials(hasKey ? values : { ...values, 'oauth.api.key': '' }), services.io, {
				paths: [...new Set(paths.values())],
			})
		: null
	const connection = inspection?.connection ?? null
	const client = connection === null ? null : element.openClient(connection, toCredentials(values), services.io)
	const write = client === null ? null : await element.findWriteAccess(client)
	const resourceProblems = [
		...pathProblems,
		...findInspectionProblems(inspection, paths, toFieldOf(element, resources)),
		...findArgumentProblems(element, resources, connection),
	]
	const checked = await checkResources(element, resources, {
		connection,
		client,
		problems: resourceProblems,
		readsVariations: readsVariations(values, previous),
	})
	const collections = input.collections && client !== null ? await listCollections(element, client, connection) : null
	const callbackUrl = getCallbackUrl(values, services.env.PUBLIC_URL)
	const sender = { ...input.sender, resource: Object.keys(resources)[0] ?? 'orders' }
	const callback =
		input.callback && callbackUrl !== null
			? await checkCallback(services, user, element, sender, callbackUrl, values)
			: null
	return {
		requests: (inspection?.requests ?? 0) + (client?.requests ?? 0),
		problems: [
			...problems,
			...(usesWebhooks ? findReachability(services) : []),
			...(input.callback && callbackUrl === null ? [NO_CALLBACK] : []),
		],
		values,
		store: toStorePart(inspection),
		key: toKeyPart(inspection, write, usesWebhooks),
		resources: checked,
		collections,
		callback,
	}
}

/** Whether changes of variations are sent as those of their product, in an instance that is checked or a new one. */
function readsVariations(
	values: Readonly<Record<string, string | null>>,
	previous: Readonly<Record<string, string | null>> | null,
): boolean {
	return getVariationMode(previous === null ? toNewConfiguration(values) : values) === 'parent'
}

function findReachability({ env }: Services): FieldProblem[] {
	const message = findReachabilityProblem(env)
	return message === null ? [] : [{ field: 'event.vendor.type', message }]
}

const NO_CALLBACK = {
	field: 'event.notification.callback.url',
	message: 'expected a URL of your own to send the test event to',
}

/** In place of required keys that are not sent yet; never used to call a store. */
const PENDING: Readonly<Record<string, string>> = {
	'store.url': 'https://example.com',
	'oauth.api.key': 'to come',
	'oauth.api.secret': 'to come',
}

interface ReadInput {
	normalized: NormalizedConfiguration
	problems: FieldProblem[]
	hasStore: boolean
	hasKey: boolean
}

/** The input without the values that are wrong, and what is wrong with them. */
function readInput(sent: Readonly<Record<string, unknown>>, options: NormalizeOptions): ReadInput {
	const isGiven = (key: string, input: Readonly<Record<string, unknown>>): boolean =>
		!isMissing(key, input[key], options.previous) || (options.previous[key] ?? '') !== ''
	const alias = toText(sent['oauth.callback.url']) ?? ''
	let input: Record<string, unknown> = { ...sent }
	const first = normalizeConfiguration(
		{ ...toPending(input, options), ...withoutMissing(input, options.previous) },
		options,
	)
	const problems = first.ok ? [] : first.problems
	const isWrong = (key: string): boolean =>
		problems.some(({ field }) => field === key || field.startsWith(`${key}.`) || field === 'configuration')
	input = Object.fromEntries(Object.entries(input).filter(([key]) => !isWrong(key)))
	const second = first.ok
		? first
		: normalizeConfiguration({ ...toPending(input, options), ...withoutMissing(input, options.previous) }, options)
	const hasStore = (isGiven('store.url', input) || alias !== '') && !isWrong('store.url')
	const hasKey = isGiven('oauth.api.key', input) && isGiven('oauth.api.secret', input)
	const events = toText(sent['event.notification.enabled'] ?? options.previous['event.notification.enabled'])
	const normalized: NormalizedConfiguration = second.ok
		? second.value
		: { values: {}, eventsEnabled: false, storeUrl: '', resources: {} }
	// What is polled can be looked at before events are on, but not what is wrong.
	const hidesResources = events?.trim().toLowerCase() === 'false' || isWrong(POLLER_KEY)
	return {
		normalized: hidesResources ? { ...normalized, resources: {} } : normalized,
		problems,
		hasStore: hasStore && second.ok,
		hasKey: hasKey && !isWrong('oauth.api.key') && !isWrong('oauth.api.secret'),
	}
}

function toPending(input: Readonly<Record<string, unknown>>, { previous }: NormalizeOptions): Record<string, string> {
	const hasAlias = (toText(input['oauth.callback.url']) ?? '').trim() !== ''
	return Object.fromEntries(
		Object.entries(PENDING).filter(([key]) => (previous[key] ?? '') === '' && !(key === 'store.url' && hasAlias)),
	)
}

/** The input without required values that are not sent yet. */
function withoutMissing(
	input: Readonly<Record<string, unknown>>,
	previous: NormalizeOptions['previous'],
): Record<string, unknown> {
	return Object.fromEntries(
		Object.entries(input).filter(([key, value]) => !Object.hasOwn(PENDING, key) || !isMissing(key, value, previous)),
	)
}

/** Whether a value is blank, or stands for a stored one that there is not. */
function isMissing(key: string, value: unknown, previous: NormalizeOptions['previous']): boolean {
	const text = (toText(value) ?? '').trim()
	return text === '' || (text === SECRET_MASK && (previous[key] ?? '') === '')
}

/** Why collections cannot be read, as problems of their resources. */
function findInspectionProblems(
	inspection: StoreInspection | null,
	paths: ReadonlyMap<string, string>,
	toField: (label: string) => string,
): FieldProblem[] {
	return Object.values(inspection?.collectionErrors ?? {}).flatMap((error) =>
		error.paths === undefined ? [] : toConnectProblems(error, paths, toField),
	)
}

/** The problems of the site or the key, which are about no resource. */
function toSiteProblems(error: ConnectError): FieldProblem[] {
	return toConnectProblems(error, new Map(), (label) => label)
}

function toStorePart(inspection: StoreInspection | null): StoreCheck['store'] {
	if (inspection === null) return null
	const { site, connection } = inspection
	if (site.ok) return { ok: true, connection: site, version: connection?.version ?? '' }
	return { ok: false, problems: toSiteProblems(site), providerMessage: site.providerMessage }
}

function toKeyPart(
	inspection: StoreInspection | null,
	write: WriteAccess | null,
	usesWebhooks: boolean,
): StoreCheck['key'] {
	const key = inspection?.key ?? null
	if (inspection === null || key === null) return null
	if (!key.ok) return { ok: false, problems: toSiteProblems(key), providerMessage: key.providerMessage }
	// An error that names no collection is one of the whole API.
	const error = Object.values(inspection.collectionErrors).find(({ paths }) => paths === undefined)
	if (error !== undefined) return { ok: false, problems: toSiteProblems(error), providerMessage: error.providerMessage }
	const lacksWrite = usesWebhooks && write?.allowed === false
	return {
		ok: true,
		write: write ?? { allowed: null, message: null },
		problems: lacksWrite ? [{ field: 'oauth.api.key', message: write.message ?? '' }] : [],
	}
}

interface ResourceChecks {
	connection: Connection | null
	client: StoreClient | null
	problems: readonly FieldProblem[]
	readsVariations: boolean
}

async function checkResources(
	element: Element,
	resources: Readonly<Record<string, PollerResource>>,
	{ connection, client, problems, readsVariations }: ResourceChecks,
): Promise<CheckedResource[]> {
	const { parsed, problems: parseProblems } =
		connection === null
			? { parsed: new Map<string, Resource>(), problems: [] }
			: parseResources(element, resources, connection)
	const all = [...problems, ...parseProblems]
	const labels = Object.keys(resources)
	// Those of one resource: a check has few requests.
	const hasVariations = ([, resource]: [string, Resource]): boolean =>
		connection !== null && element.getVariationLists(resource, connection) !== null
	const counted = readsVariations ? ([...parsed].find(hasVariations)?.[0] ?? null) : null
	return await mapConcurrent(Object.entries(resources), CONCURRENT_READS, async ([label, { url }], index) => {
		const urlField = toUrlField(element, resources, label)
		const own = all.filter(({ field }) => field === urlField || findLabel(field, labels) === label)
		const resource = parsed.get(label) ?? null
		const base = { label, url, resource, total: null, variations: null, dates: [], problems: own }
		if (resource === null || connection === null || client === null || own.length > 0) return base
		const known = connection.collections[resource.path]?.total ?? null
		if (index >= MAX_CHECKED_RESOURCES) return { ...base, total: known }
		const newest = await readNewest(element, resource, connection, client)
		return newest.ok
			? {
					...base,
					...newest.found,
					variations: label === counted ? await countVariations(element, resource, connection, client) : null,
				}
			: { ...base, total: known, problems: [{ field: urlField, message: newest.message }] }
	})
}

/** The variations of a resource's objects. At most two requests. */
async function countVariations(
	element: Element,
	resource: Resource,
	connection: Connection,
	client: StoreClient,
): Promise<CheckedResource['variations']> {
	const lists = element.getVariationLists(resource, connection)
	if (lists === null) return null
	const all = await client.list(lists.all, { order: 'id-desc', limit: 1 })
	if (all.ok) return { listed: all.total, owners: all.total ?? 0 }
	const owners = await client.list(lists.owners, { order: 'id-desc', limit: 1 })
	return owners.ok ? { listed: null, owners: owners.total ?? 0 } : null
}

/** The label that a field is about: labels may contain dots, so the longest one that fits. */
function findLabel(field: string, labels: readonly string[]): string | null {
	const found = labels.filter((label) => field.startsWith(`${POLLER_KEY}.${label}.`))
	return found.sort((a, b) => b.length - a.length)[0] ?? null
}

/** The newest record of a resource, and how many there are. */
async function readNewest(
	element: Element,
	resource: Resource,
	connection: Connection,
	client: StoreClient,
): Promise<{ ok: true; found: Pick<CheckedResource, 'total' | 'dates'> } | { ok: false; message: string }> {
	const polled = element.resolvePlaceholders(resource, connection.storeNowMs, connection)
	const page = await client.list(polled, { order: resource.modifiedFilter ? 'modified-desc' : 'id-desc', limit: 1 })
	if (!page.ok) return { ok: false, message: page.message }
	const record = page.records[0]
	const snapshot = record === undefined ? null : element.parseRecord(resource, record, { version: 1, paths: [] })
	if (record !== undefined && snapshot === null) {
		const other = element.findOtherKind(resource, record)
		const message =
			other === null
				? `expected an id in the field ${resource.idField}; the newest record has none`
				: `expected ${resource.path}; the store's list shows ${other}`
		return { ok: false, message }
	}
	const dates = record === undefined || snapshot === null ? [] : toCheckedDates(resource, record, snapshot)
	return { ok: true, found: { total: page.total, dates } }
}

function toCheckedDates(resource: Resource, record: VendorRecord, snapshot: Snapshot): CheckedDate[] {
	const toDate = (kind: CheckedDate['kind'], rule: DateRule | null, sec: number | null): CheckedDate[] => {
		if (rule === null) return []
		const sibling = `${rule.field}_gmt`
		const field = rule.gmtSibling && (toText(getValueAt(record, sibling)) ?? '') !== '' ? sibling : rule.field
		const value = toText(getValueAt(record, field))
		const isRead = snapshot.unreadableDates[kind] === null
		return [{ kind, field, value, ms: isRead && sec !== null ? sec * 1000 : null }]
	}
	const { updated, created } = resource.dates
	return [...toDate('updated', updated, snapshot.modifiedSec), ...toDate('created', created, snapshot.createdSec)]
}

async function listCollections(
	element: Element,
	client: StoreClient,
	connection: Connection | null,
): Promise<StoreCheck['collections']> {
	const listed = await element.listPollable(client)
	if (!listed.ok) return null
	return listed.collections.map((collection) => {
		const path = element.records.toVendorPath(collection.settings.url.replace(/^\/hubs\/[^/]+\//, '')) ?? ''
		return { ...collection, total: connection?.collections[path]?.total ?? null }
	})
}
