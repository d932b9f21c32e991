/** Small pages for people who come by a link: plain words, no script, nothing loaded. */
import { escapeHtml } from '../../lib/html.ts'

/** What a page says. */
export interface PageText {
	status: 200 | 400 | 404 | 409 | 410
	title: string
	/** A sentence or two; shown as text. */
	text: string
	/** Seconds after which the browser asks again. */
	refresh?: number
	/** HTML that follows the text, ours alone: nothing of a request stands in it unescaped. */
	form?: string
}

/** The page as an answer. Its policy allows its own style and nothing else. */
export function renderPage({ status, title, text, refresh, form }: PageText): Response {
	const nonce = crypto.randomUUID().replaceAll('-', '')
	const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
${refresh === undefined ? '' : `<meta http-equiv="refresh" content="${refresh}">\n`}<title>${escapeHtml(title)} · Shopbell</title>
<style nonce="${nonce}">body { font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 4rem auto; padding: 0 1rem; color: #1d2330; background: #fff } h1 { font-size: 1.4rem } label { display: block; margin: 1rem 0 .25rem } input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem } button { font: inherit; margin-top: 1.25rem; padding: .5rem 1rem } @media (prefers-color-scheme: dark) { body { color: #e8eaf0; background: #14171f } }</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(text)}</p>
${form === undefined ? '' : `${form}\n`}</main>
</body>
</html>
`
	return new Response(html, {
		status,
		headers: {
			'Content-Type': 'text/html; charset=utf-8',
			'Content-Security-Policy': `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action ${form === undefined ? "'none'" : "'self'"}; frame-ancestors 'none'`,
			...PRIVATE_HEADERS,
		},
	})
}

/** The browser goes on; the state in this address is told to nobody. */
export function redirectTo(url: string): Response {
	return new Response(null, { status: 302, headers: { Location: url, ...PRIVATE_HEADERS } })
}

const PRIVATE_HEADERS = {
	'Cache-Control': 'no-store',
	'Referrer-Policy': 'no-referrer',
	'X-Content-Type-Options': 'nosniff',
}
