/** The security headers of responses. */

const NO_SNIFFING = { 'X-Content-Type-Options': 'nosniff' }

/** Of responses that nobody stores. */
export const PRIVATE_HEADERS = { ...NO_SNIFFING, 'Cache-Control': 'no-store' }

/** Of pages: links and forms on them do not reveal their URL. */
export const PAGE_HEADERS = { ...NO_SNIFFING, 'Referrer-Policy': 'no-referrer' }
