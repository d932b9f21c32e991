/** Answers as WordPress sends them: headers, PHP's JSON, error bodies. */
import type { Rec } from './types.ts'

/** An answer before it becomes a `Response`; faults still change it. */
export interface Reply {
	status: number
	headers: Record<string, string>
	/** A value to send as JSON, or the text itself. */
	body: unknown
	text?: string
}

/** A REST error, thrown anywhere while a request is served. */
export class RestError extends Error {
	readonly status: number
	readonly body: Rec
	/** What `Allow` names; absent when the permission check itself failed. */
	allow: string | undefined

	constructor(status: number, code: string, message: string, data: Rec = {}, allow?: string) {
		super(message)
		this.status = status
		this.body = { code, message, data: { status, ...data } }
		this.allow = allow
	}
}

/** PHP's `json_encode`: slashes and everything beyond ASCII escaped. The text `@number:12` is written as the number, so that it may have any size. */
export function phpJson(value: unknown): string {
	const escaped = JSON.stringify(value).replaceAll('/', '\\/')
	const json = escaped.includes('"@number:') ? escaped.replace(/"@number:(-?[\d.eE+-]+)"/g, '$1') : escaped
	// oxlint-disable-next-line no-control-regex
	return /[^\x00-\x7f]/.test(json)
		? json.replace(/[^\x00-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
		: json
}

/** The headers of every REST answer. */
export function restHeaders(root: string): Record<string, string> {
	return {
		server: 'nginx/1.22.1',
		'content-type': 'application/json; charset=UTF-8',
		'x-robots-tag': 'noindex',
		link: `<${root}>; rel="https://api.w.org/"`,
		'x-content-type-options': 'nosniff',
		'access-control-expose-headers': 'X-WP-Total, X-WP-TotalPages, Link',
		'access-control-allow-headers': 'Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, Content-Type',
	}
}

/** The headers that forbid caching, which WordPress sends to known users and with its error pages. */
export const NO_CACHE = {
	expires: 'Wed, 11 Jan 1984 05:00:00 GMT',
	'cache-control': 'no-cache, must-revalidate, max-age=0, no-store, private',
}

/** WordPress's error page. */
export function diePage(message: string): string {
	return `<!DOCTYPE html>\n<html lang="en-US">\n<head>\n\t<meta http-equiv="Content-Type" content="text/html; charset=utf-8" />\n\t<title>WordPress &rsaquo; Error</title>\n</head>\n<body id="error-page">\n\t<div class="wp-die-message">${message}</div></body>\n</html>\n\t`
}

/** Some page of a site. */
export function htmlPage(title: string, head = ''): string {
	return `<!DOCTYPE html>\n<html lang="en-US">\n<head>\n\t<meta charset="UTF-8" />\n<title>${title}</title>\n${head}</head>\n<body class="home">\n<h1>${title}</h1>\n</body>\n</html>\n`
}
