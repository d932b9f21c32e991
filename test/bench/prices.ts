/** What Cloudflare asks on the Workers Paid plan, in US dollars a month. Pages of developers.cloudflare.com, as of November 2026. */

/** The month of the list. */
export const PRICES_AS_OF = 'November 2026'

/** Where it stands. */
export const PRICE_PAGES = [
	'https://developers.cloudflare.com/workers/platform/pricing/',
	'https://developers.cloudflare.com/durable-objects/platform/pricing/',
	'https://developers.cloudflare.com/d1/platform/pricing/',
	'https://developers.cloudflare.com/queues/platform/pricing/',
] as const

/** The plan itself. */
export const PLAN_DOLLARS = 5

/** Something that is counted: what is included, and what each unit beyond it costs. */
export interface Price {
	name: string
	unit: string
	included: number
	each: number
}

const MILLION = 1e6
const BILLION = 1e9

/** Everything that Shopbell uses. */
export const PRICES = {
	workerRequests: { name: 'Worker requests', unit: 'requests', included: 10 * MILLION, each: 0.3 / MILLION },
	workerCpu: { name: 'Worker CPU', unit: 'ms', included: 30 * MILLION, each: 0.02 / MILLION },
	objectRequests: { name: 'object requests', unit: 'requests', included: MILLION, each: 0.15 / MILLION },
	objectDuration: { name: 'object duration', unit: 'GB-s', included: 400_000, each: 12.5 / MILLION },
	objectRead: { name: 'object rows read', unit: 'rows', included: 25 * BILLION, each: 0.001 / MILLION },
	objectWritten: { name: 'object rows written', unit: 'rows', included: 50 * MILLION, each: 1 / MILLION },
	objectStorage: { name: 'object storage', unit: 'GB', included: 5, each: 0.2 },
	d1Read: { name: 'D1 rows read', unit: 'rows', included: 25 * BILLION, each: 0.001 / MILLION },
	d1Written: { name: 'D1 rows written', unit: 'rows', included: 50 * MILLION, each: 1 / MILLION },
	queue: { name: 'queue operations', unit: 'operations', included: MILLION, each: 0.4 / MILLION },
} as const satisfies Record<string, Price>

/** Names of what is counted. */
export type PricedItem = keyof typeof PRICES
