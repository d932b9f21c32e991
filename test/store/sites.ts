/** Sites that are no shop, or one that cannot be reached as asked: what instance creation meets (docs/woocommerce.md 1.1, 1.2, 2.1). */
import type { Engine } from './engine.ts'
import type { Params } from './query.ts'
import { diePage, htmlPage, NO_CACHE, restHeaders } from './reply.ts'
import type { Reply } from './reply.ts'
import { pickFields } from './router.ts'
import { index } from './site-info.ts'
import type { Rec, Site } from './types.ts'
import { asList } from './arguments.ts'

/** What decides where a request ends up. */
export interface Visit {
	engine: Engine
	name: string
	site: Site
	url: URL
	/** Path below the site's own; null when the address is outside of it. */
	inside: string | null
	query: Params
	https: boolean
	/** What the client accepts. */
	accept: string | null
}

function html(status: number, text: string, headers: Record<string, string> = {}): Reply {
	return {
		status,
		headers: { server: 'nginx/1.22.1', 'content-type': 'text/html; charset=UTF-8', ...headers },
		body: null,
		text,
	}
}

function redirect(location: string): Reply {
	return html(301, '', { ...NO_CACHE, 'x-redirect-by': 'WordPress', location })
}

/** WordPress's own page for an outage, as JSON or HTML by what the client accepts (docs/woocommerce.md 2.1). */
export function outage(kind: 'maintenance' | 'fatal' | 'database', accept: string | null): Reply {
	const [status, code, message] = {
		maintenance: [503, 'wp_die', 'Briefly unavailable for scheduled maintenance. Check back in a minute.'],
		fatal: [
			500,
			'internal_server_error',
			'<p>There has been a critical error on this website.</p><p><a href="https://wordpress.org/documentation/article/faq-troubleshooting/">Learn more about troubleshooting WordPress.</a></p>',
		],
		database: [500, 'wp_die', '<h1>Error establishing a database connection</h1>'],
	}[kind] as [number, string, string]
	const headers = { ...NO_CACHE, ...(kind === 'maintenance' && { 'retry-after': '600' }) }
	if (!accept?.includes('json')) return html(status, diePage(message), headers)
	return {
		status,
		headers: { server: 'nginx/1.22.1', 'content-type': 'application/json; charset=UTF-8', ...headers },
		body: { code, message, data: { status }, additional_errors: [] },
	}
}

/** The site with WooCommerce switched off, or never there. */
export function withoutWoocommerce({ engine, name, inside, query, https }: Visit): Reply | null {
	const { prefix, url } = engine.settings
	if (inside === null || !inside.startsWith(`/${prefix}`)) return null
	const headers = { ...restHeaders(`${url}/${prefix}/`), vary: 'Origin' }
	const path = inside.slice(prefix.length + 2).replace(/\/$/, '')
	if (path !== '') return { status: 404, headers, body: noRoute() }
	const record = index({ engine, name, https }, false)
	const fields = asList(query.get('_fields'))
	return {
		status: 200,
		headers: { ...headers, allow: 'GET' },
		body: fields.length ? pickFields(record, fields, false) : record,
	}
}

function noRoute(): Rec {
	return {
		code: 'rest_no_route',
		message: 'No route was found matching the URL and request method.',
		data: { status: 404 },
	}
}

/** The answer of everything that is not the working REST API; null lets the API answer. */
export function elsewhere(visit: Visit): Reply | null {
	const { engine, name, site, url, inside, query } = visit
	const { prefix, url: home } = engine.settings
	const { search } = url
	const front = (link = `${home}/${prefix}/`): Reply =>
		html(200, htmlPage(name, `<link rel="https://api.w.org/" href="${link}" />\n`), {
			link: `<${link}>; rel="https://api.w.org/"`,
		})
	const rest = inside === `/${prefix}` || inside?.startsWith(`/${prefix}/`)
	switch (site) {
		case 'not-wordpress':
			return inside === '/' || inside === '' ? html(200, htmlPage('Just a page')) : html(404, htmlPage('Not found'))
		case 'maintenance':
			return outage('maintenance', visit.accept)
		case 'https-only':
			if (url.protocol !== 'https:') return redirect(`https://${url.host}${url.pathname}${search}`)
			break
		case 'other-host': {
			const { host } = new URL(home)
			const canonical = host.startsWith('www.') ? host : `www.${host}`
			if (url.host !== canonical) return redirect(`${url.protocol}//${canonical}${url.pathname}${search}`)
			break
		}
		case 'no-woocommerce': {
			const reply = withoutWoocommerce(visit)
			if (reply) return reply
			break
		}
		case 'plain-permalinks': {
			const link = `${home}/index.php?rest_route=/`
			if (query.has('rest_route')) return unknownUser(link)
			// Without pretty permalinks the index is the home page and anything deeper a guess of WordPress's (1.2).
			if (rest && inside !== `/${prefix}` && inside !== `/${prefix}/` && !inside?.endsWith('/'))
				return redirect(`${home}${inside}/${search}`)
			return inside === null ? html(404, htmlPage('Not found')) : front(link)
		}
		case 'rest-closed-401':
		case 'rest-closed-403': {
			if (!rest) break
			const status = site === 'rest-closed-401' ? 401 : 403
			const body =
				status === 401
					? { code: 'rest_login_required', message: 'REST API restricted to authenticated users.', data: { status } }
					: { code: 'rest_forbidden', message: 'The REST API is disabled on this site.', data: { status } }
			return { status, headers: restHeaders(`${home}/${prefix}/`), body }
		}
		default:
	}
	if (inside === null) return html(404, htmlPage('Not found'))
	if (query.has('rest_route') && (inside === '' || inside === '/' || inside === '/index.php' || rest))
		return unknownUser(`${home}/${prefix}/`)
	if (rest) return null
	if (inside === '' || inside === '/') return front()
	return html(404, htmlPage(`Page not found &#8211; ${name}`), {
		link: `<${home}/${prefix}/>; rel="https://api.w.org/"`,
	})
}

/** Keys do not count under `?rest_route=` before 11.1 (1.2). */
function unknownUser(link: string): Reply {
	return {
		status: 401,
		headers: { ...restHeaders(link), vary: 'Origin' },
		body: { code: 'woocommerce_rest_cannot_view', message: 'Sorry, you cannot list resources.', data: { status: 401 } },
	}
}
