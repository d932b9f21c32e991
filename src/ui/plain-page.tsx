/** Small pages for users who follow a link: without scripts. */
import type { Child } from 'hono/jsx'
import { PAGE_HEADERS, PRIVATE_HEADERS } from '../lib/response-headers.ts'
import { NarrowFrame } from './frame.tsx'

/** The content of a page. */
interface PlainPage {
	status: 200 | 400 | 403 | 404 | 409 | 410
	title: string
	text: string
	/** Seconds after which the browser reloads the page. */
	refresh?: number
	/** A form below the text. */
	form?: Child
}

const HEADERS = { ...PAGE_HEADERS, ...PRIVATE_HEADERS }

/** The page as a response. Its policy allows our style sheet and, if it has one, its form; nothing else. */
export function respondWithPlainPage({ status, title, text, refresh, form }: PlainPage): Response {
	const document = (
		<NarrowFrame title={title} refresh={refresh} unlisted>
			<h1>{title}</h1>
			<p>{text}</p>
			{form}
		</NarrowFrame>
	)
	return new Response(`<!doctype html>${String(document)}`, {
		status,
		headers: {
			'Content-Type': 'text/html; charset=utf-8',
			'Content-Security-Policy': [
				"default-src 'none'",
				"style-src 'self'",
				"img-src 'self'",
				"base-uri 'none'",
				`form-action ${form === undefined ? "'none'" : "'self'"}`,
				"frame-ancestors 'none'",
			].join('; '),
			...HEADERS,
		},
	})
}

/** Redirects the browser without a referrer, because the current URL contains a secret state. */
export function redirectTo(url: string): Response {
	return new Response(null, { status: 302, headers: { Location: url, ...HEADERS } })
}
