/** Small pages for users who follow a link: without scripts and external files. */
import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import { PAGE_HEADERS, PRIVATE_HEADERS } from '../lib/response-headers.ts'

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

const STYLE = `
:root { color-scheme: light dark }
body {
	font: 1rem/1.5 system-ui, sans-serif;
	max-width: 34rem;
	margin: 4rem auto;
	padding: 0 1rem;
	color: #1d2330;
	background: #fff;
	overflow-wrap: anywhere;
}
h1 { font-size: 1.4rem }
label { display: block; margin: 1rem 0 .25rem }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem }
button { font: inherit; margin-top: 1.25rem; padding: .5rem 1rem }
@media (prefers-color-scheme: dark) { body { color: #e8eaf0; background: #14171f } }
`

const HEADERS = { ...PAGE_HEADERS, ...PRIVATE_HEADERS }

/** The page as a response. Its policy allows its own style and, if it has one, its form; nothing else. */
export function respondWithPlainPage(page: PlainPage): Response {
	const nonce = crypto.randomUUID().replaceAll('-', '')
	const formAction = page.form === undefined ? "'none'" : "'self'"
	return new Response(`<!doctype html>${String(<PlainDocument {...page} nonce={nonce} />)}`, {
		status: page.status,
		headers: {
			'Content-Type': 'text/html; charset=utf-8',
			'Content-Security-Policy': [
				"default-src 'none'",
				`style-src 'nonce-${nonce}'`,
				"base-uri 'none'",
				`form-action ${formAction}`,
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

function PlainDocument({ title, text, refresh, form, nonce }: PlainPage & { nonce: string }) {
	return (
		<html lang='en'>
			<head>
				<meta charset='utf-8' />
				<meta name='viewport' content='width=device-width' />
				<meta name='robots' content='noindex' />
				{refresh === undefined ? null : <meta http-equiv='refresh' content={String(refresh)} />}
				<title>{`${title} · Shopbell`}</title>
				<style nonce={nonce}>{raw(STYLE)}</style>
			</head>
			<body>
				<main>
					<h1>{title}</h1>
					<p>{text}</p>
					{form}
				</main>
			</body>
		</html>
	)
}
