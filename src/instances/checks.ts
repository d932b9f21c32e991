/** What is checked at the store and with the element before an instance is made or changed; a failure changes nothing. */
import { BadRequest, StoreFailed } from '../lib/errors.ts'
import type { Element } from '../elements/element.ts'
import { normalizeConfiguration, type NormalConfiguration, type NormalizeOptions } from './config.ts'
import { hubPathOf, POLLER_KEY } from './poller.ts'
import { siteKey } from '../lib/urls.ts'
import type { FieldProblem } from '../lib/values.ts'
import type { Connection, Credentials, Io } from '../elements/store.ts'
import type { PollerResource } from '../elements/form.ts'

/** Normalises a configuration; 400 with every problem, each by its field. */
export function requireConfiguration(given: Readonly<Record<string, unknown>>, options: NormalizeOptions): NormalConfiguration {
	const result = normalizeConfiguration(given, options)
	if (!result.ok) throw refusal(result.problems)
	return result.value
}

/** One 400 for a list of problems. */
export function refusal(problems: readonly FieldProblem[]): BadRequest {
	return new BadRequest(
		problems
			.map(({ field, message }) =>
				message.startsWith('lacks') || message.startsWith('still') ? `${field} ${message}` : `${field}: ${message}`,
			)
			.join('; '),
	)
}

/** The vendor's collections that resources need, each once; 400 where a url names none. */
export function requirePaths(element: Element, resources: Readonly<Record<string, PollerResource>>): string[] {
	const paths = new Set<string>()
	const problems: FieldProblem[] = []
	for (const [label, settings] of Object.entries(resources)) {
		const path = element.records.path(hubPathOf(settings.url) ?? '')
		if (path === null)
			problems.push({ field: `${POLLER_KEY}.${label}.url`, message: 'expected the address of a collection such as /hubs/ecommerce/orders' })
		else paths.add(path)
	}
	if (problems.length > 0) throw refusal(problems)
	return [...paths]
}

/** Connects the store, with the collections that must be readable; 400 or 502 with what was found there. */
export async function requireConnection(element: Element, credentials: Credentials, io: Io, paths: string[]): Promise<Connection> {
	const answer = await element.connect(credentials, io, { paths })
	if (answer.ok) return answer.connection
	throw answer.status === 400
		? new BadRequest(answer.message, { providerMessage: answer.providerMessage })
		: new StoreFailed(answer.message, { providerMessage: answer.providerMessage })
}

/** Holds every resource against the element and this store; 400 with the field, also when two labels watch the same thing. */
export function requireResources(element: Element, resources: Readonly<Record<string, PollerResource>>, connection: Connection): void {
	const problems: FieldProblem[] = []
	const labels = new Map<string, string>()
	for (const [label, settings] of Object.entries(resources)) {
		const answer = element.resource(label, settings, connection)
		if (!answer.ok) {
			const prefix = `${POLLER_KEY}.${label}`
			problems.push({ field: answer.field.startsWith(POLLER_KEY) ? answer.field : `${prefix}.${answer.field}`, message: answer.message })
			continue
		}
		const other = labels.get(answer.resource.identity)
		if (other === undefined) labels.set(answer.resource.identity, label)
		else
			problems.push({
				field: `${POLLER_KEY}.${label}.url`,
				message: `watches the same as ${POLLER_KEY}.${other}; expected each collection and where once`,
			})
	}
	if (problems.length > 0) throw refusal(problems)
}

/** The store's address to keep: the site's own where what was given has no scheme or leads into it (a page, a shop path), else as given. */
export function canonicalStoreUrl(given: string, connection: Connection): string {
	const base = siteKey(connection.home)
	if (!URL.canParse(given) || !/^https?:/i.test(given)) return connection.home
	return siteKey(given) !== base && siteKey(given).startsWith(`${base}/`) ? connection.home : given
}
