/** The security headers of responses. */

const NO_SNIFFING = { 'X-Content-Type-Options': 'nosniff' }

/** Headers of responses that must not be cached. */
export const PRIVATE_HEADERS = { ...NO_SNIFFING, 'Cache-Control': 'no-store' }

/** Headers of pages. Links and forms on them do not send the page's URL. */
export const PAGE_HEADERS = { ...NO_SNIFFING, 'Referrer-Policy': 'no-referrer' }
