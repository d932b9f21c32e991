/** Serves pages of a test with our assets, under the policy of our pages. Nothing else answers. */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { LOCAL_DIR } from '../../scripts/local/files.ts'
import { ASSETS } from '#assets'

const TYPES: Readonly<Record<string, string>> = {
	'.css': 'text/css; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.svg': 'image/svg+xml',
}

const POLICY =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'"

/** Answers a request that is for no asset. False: it does not know it. */
type Handler = (request: IncomingMessage & { path: string; body: string }, response: ServerResponse) => boolean

/** A running site. */
export interface StaticSite {
	url: string
	close(): Promise<void>
}

/** Starts a site on a free port of loopback. */
export async function serveSite(handle: Handler): Promise<StaticSite> {
	const server = createServer((request, response) => void answer(handle, request, response))
	await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		close: async () => {
			server.closeAllConnections()
			await new Promise((resolve) => server.close(resolve))
		},
	}
}

async function answer(handle: Handler, request: IncomingMessage, response: ServerResponse): Promise<void> {
	const path = request.url ?? '/'
	if (Object.values(ASSETS).includes(path)) {
		response.setHeader('Content-Type', TYPES[extname(path)]!)
		response.end(readFileSync(join(LOCAL_DIR, 'public', path)))
		return
	}
	let body = ''
	for await (const chunk of request) body += String(chunk)
	if (handle(Object.assign(request, { path, body }), response)) return
	response.statusCode = 404
	response.end()
}

/** Answers with a page that loads our style, module and htmx. */
export function sendPage(response: ServerResponse, body: string): true {
	response.setHeader('Content-Type', 'text/html; charset=utf-8')
	response.setHeader('Content-Security-Policy', POLICY)
	response.end(`<!doctype html><html lang="en"><head><title>Test</title>
		<meta name="viewport" content="width=device-width, initial-scale=1">
		<link rel="icon" href="${ASSETS['bell.svg']}" type="image/svg+xml">
		<link rel="stylesheet" href="${ASSETS['shopbell.css']}">
		<script src="${ASSETS['shopbell.js']}" type="module"></script>
		<script src="${ASSETS['htmx.js']}" defer></script>
		</head><body class="narrow"><main><h1>Test</h1>${body}</main></body></html>`)
	return true
}
