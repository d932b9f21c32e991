/** Checks at the store and the element before an instance is created or changed. A failure changes nothing. */
import { BadRequest, StoreFailed, toFieldError } from '../lib/errors.ts'
import type { Element } from '../elements/element.ts'
import { parseName, parseTags } from './naming.ts'
import { getFloorSeconds } from './config.ts'
import type { Services } from './services.ts'
import { allowsPrivateNetwork } from './stores.ts'
import { normalizeConfiguration, type NormalizedConfiguration, type NormalizeOptions } from './normalize.ts'
import { getHubPath, POLLER_KEY, toUrlField, VARIATIONS_KEY } from './poller.ts'
import { toSiteKey, toStoreBase } from '../lib/urls.ts'
import type { FieldProblem } from '../lib/values.ts'
import type { ConnectError, Connection, Credentials, Io, Resource } from '../elements/store.ts'
import type { PollerResource } from '../elements/form.ts'

/** The input for an instance. Absent fields get their default at creation, and keep their value at a change. */
export interface InstanceInput {
	name?: string | null | undefined
	tags?: string[] | string | null | undefined
	configuration?: Record<string, unknown> | null | undefined
}

/** Name and tags to store; 400 with the problems. */
export function requireNaming(input: InstanceInput): { name: string | null; tags: string[] | null } {
	const name = parseName(input.name)
	const tags = parseTags(input.tags)
	if (!name.ok || !tags.ok) throw toFieldError([name, tags].flatMap((parsed) => (parsed.ok ? [] : [parsed.problem])))
	return { name: name.name, tags: tags.tags }
}

/** Options of normalizing a configuration. `previous`: the stored configuration with secrets in the clear. */
export function normalizeOptionsFor(
	services: Services,
	element: Element,
	previous: Record<string, string | null>,
): NormalizeOptions {
	const { env } = services
	return {
		element,
		previous,
		publicUrl: env.PUBLIC_URL,
		allowPrivateNetwork: allowsPrivateNetwork(env),
		floorSeconds: getFloorSeconds(env),
	}
}

/** Normalizes a configuration; 400 with every problem, each with its field. */
export function requireConfiguration(
	given: Readonly<Record<string, unknown>>,
	options: NormalizeOptions,
): NormalizedConfiguration {
	const result = normalizeConfiguration(given, options)
	if (!result.ok) throw toFieldError(result.problems)
	return result.value
}

/** The vendor's collections that the resources need, each once; 400 if a url names none. */
export function requirePaths(element: Element, resources: Readonly<Record<string, PollerResource>>): string[] {
	const { paths, problems } = findPaths(element, resources)
	if (problems.length > 0) throw toFieldError(problems)
	return [...new Set(paths.values())]
}

/** The vendor's collection of each resource by its label, and the urls that name none. */
export function findPaths(
	element: Element,
	resources: Readonly<Record<string, PollerResource>>,
): { paths: Map<string, string>; problems: FieldProblem[] } {
	const paths = new Map<string, string>()
	const problems: FieldProblem[] = []
	for (const [label, settings] of Object.entries(resources)) {
		const path = element.records.toVendorPath(getHubPath(settings.url) ?? '')
		if (path === null)
			problems.push({
				field: `${POLLER_KEY}.${label}.url`,
				message: 'expected the address of a collection such as /hubs/ecommerce/orders',
			})
		else paths.set(label, path)
	}
	return { paths, problems }
}

/**
 * 400 if a url has an argument that its list does not take, a date format another meaning, or `ignore` a bad path,
 * whether or not events are enabled. `connection` null: the collections are not known yet.
 */
export function requireArguments(
	element: Element,
	resources: Readonly<Record<string, PollerResource>>,
	connection: Connection | null,
): void {
	const problems = findArgumentProblems(element, resources, connection)
	if (problems.length > 0) throw toFieldError(problems)
}

/** The problems of `requireArguments`. */
export function findArgumentProblems(
	element: Element,
	resources: Readonly<Record<string, PollerResource>>,
	connection: Connection | null,
): FieldProblem[] {
	const problems: FieldProblem[] = []
	for (const [label, settings] of Object.entries(resources)) {
		const { url, ignore } = settings
		const message = element.findUrlProblem(url, connection)
		if (message !== null) problems.push({ field: `${POLLER_KEY}.${label}.url`, message })
		for (const { field, message: expected } of element.findDateProblems(settings))
			problems.push({ field: `${POLLER_KEY}.${label}.${field}`, message: expected })
		const problem = element.findIgnoreProblem(ignore)
		if (problem !== null)
			problems.push({ field: `${POLLER_KEY}.${label}.ignore${problem.field}`, message: problem.message })
	}
	return problems
}

/** Connects the store and checks that the resources' collections are readable; 400 or 502 with the reason. */
export async function requireConnection(
	element: Element,
	credentials: Credentials,
	io: Io,
	resources: Readonly<Record<string, PollerResource>>,
): Promise<Connection> {
	const answer = await element.connect(credentials, io, { paths: requirePaths(element, resources) })
	if (answer.ok) return answer.connection
	const problems = toConnectProblems(answer, findPaths(element, resources).paths, toFieldOf(element, resources))
	const own = problems.find(({ field }) => field === VARIATIONS_KEY)
	const message =
		own !== undefined
			? `${VARIATIONS_KEY}: ${own.message}`
			: answer.reason === 'not-public'
				? `store.url: ${answer.message}`
				: answer.message
	const detail = { providerMessage: answer.providerMessage, problems }
	throw answer.status === 400 ? new BadRequest(message, detail) : new StoreFailed(message, detail)
}

/** The field of a resource's url by its label. */
export function toFieldOf(
	element: Element,
	resources: Readonly<Record<string, PollerResource>>,
): (label: string) => string {
	return (label) => toUrlField(element, resources, label)
}

const NO_VARIATION_LIST =
	'expected parent or off: this shop has no list of all variations, which WooCommerce has from 10.3. ' +
	'parent sends changes of variations as updates of their product'

/** The field that an error of connecting is about: the address, the key, the secret, or resources by their labels. */
export function toConnectProblems(
	error: ConnectError,
	paths: ReadonlyMap<string, string>,
	toField: (label: string) => string,
): FieldProblem[] {
	const { message, reason } = error
	const labels = [...paths].filter(([, path]) => error.paths?.includes(path) === true).map(([label]) => label)
	if (labels.length > 0)
		return labels.map(toField).map((field) => ({
			field,
			message: field === VARIATIONS_KEY && reason === 'no-resource' ? NO_VARIATION_LIST : message,
		}))
	if (reason === 'wrong-secret') return [{ field: 'oauth.api.secret', message }]
	const isAboutKey = ['unknown-key', 'write-only', 'forbidden', 'no-resource'].includes(reason)
	return [{ field: isAboutKey ? 'oauth.api.key' : 'store.url', message }]
}

/**
 * Checks every resource against the element and this store; 400 with the field, also if two labels watch the same
 * collection.
 */
export function requireResources(
	element: Element,
	resources: Readonly<Record<string, PollerResource>>,
	connection: Connection,
): void {
	const { problems } = parseResources(element, resources, connection)
	if (problems.length > 0) throw toFieldError(problems)
}

/** The resources by label as the watcher polls them, and the problems of `requireResources`. */
export function parseResources(
	element: Element,
	resources: Readonly<Record<string, PollerResource>>,
	connection: Connection,
): { parsed: Map<string, Resource>; problems: FieldProblem[] } {
	const parsed = new Map<string, Resource>()
	const problems: FieldProblem[] = []
	const labels = new Map<string, string>()
	for (const [label, settings] of Object.entries(resources)) {
		const answer = element.parseResource(label, settings, connection)
		if (!answer.ok) {
			const prefix = `${POLLER_KEY}.${label}`
			problems.push({
				field: answer.field.startsWith(POLLER_KEY) ? answer.field : `${prefix}.${answer.field}`,
				message: answer.message,
			})
			continue
		}
		const otherLabel = labels.get(answer.resource.identity)
		if (otherLabel === undefined) {
			labels.set(answer.resource.identity, label)
			parsed.set(label, answer.resource)
		} else
			problems.push({
				field: `${POLLER_KEY}.${label}.url`,
				message: `expected each collection and where once, got the same as ${POLLER_KEY}.${otherLabel}`,
			})
	}
	return { parsed, problems }
}

/**
 * The store's address to keep: the site's if the given one has no scheme or is a path within the site (a page, a shop
 * path), otherwise the given one. A site that names another host or port than the one that answered does not move the
 * instance there.
 */
export function toCanonicalStoreUrl(givenUrl: string, connection: Connection): string {
	const base = toSiteKey(connection.home)
	const given = toSiteKey(givenUrl)
	const hasScheme = /^https?:/i.test(givenUrl) && URL.canParse(givenUrl)
	return hasScheme && (given === base || !given.startsWith(`${base}/`)) ? givenUrl : toAnsweringAddress(connection)
}

/** The site's path at the host that answered, with its scheme and port. */
function toAnsweringAddress({ home, root }: Connection): string {
	return toStoreBase(`${new URL(root).origin}${URL.canParse(home) ? new URL(home).pathname : ''}`)
}
