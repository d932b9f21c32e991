/** The security headers of responses. */
import { isLoopbackHost } from './reachability.ts'

const NO_SNIFFING = { 'X-Content-Type-Options': 'nosniff' }

/** Headers of responses that must not be cached. */
export const PRIVATE_HEADERS = { ...NO_SNIFFING, 'Cache-Control': 'no-store' }

/** A browser that was here over https never tries http again, for a year. */
const TRANSPORT_HEADERS = { 'Strict-Transport-Security': 'max-age=31536000' }

/** Headers of every response to a request for this URL: of https, unless it is of this machine. */
export function getTransportHeaders(requestUrl: string): Record<string, string> {
	return requestUrl.startsWith('https:') && !isLoopbackHost(new URL(requestUrl).hostname) ? TRANSPORT_HEADERS : {}
}

/** Headers of pages. Links and forms on them do not send the page's URL. */
export const PAGE_HEADERS = { ...NO_SNIFFING, 'Referrer-Policy': 'no-referrer' }
