/**
 * The data that all examples of the API reference share: one organization, one store, one changed order and its
 * notification. Ids refer to each other as in real responses; secrets are recognizably fake. Pure.
 */
import { STATUS_DESCRIPTIONS, type ErrorStatus } from '../../lib/errors.ts'
import { expectedAtMost } from '../../lib/limits.ts'

/** The organization. */
export const ACCOUNT = {
	id: 3,
	name: 'Acme',
	companyId: 3,
	active: true,
	defaultAccount: true,
	createdDate: '2026-05-04T09:00:00Z',
}
/** An admin. */
export const PERSON = { id: 5, emailAddress: 'ann@acme.example', firstName: 'Ann', lastName: 'Lee' }

/** The connected shop. */
export const INSTANCE_ID = 12345
export const INSTANCE_NAME = 'Sample shop'
export const INSTANCE_TAGS = ['Docs']
/** The subscription of the callback. */
export const SUBSCRIPTION_ID = 678
/** Where its notifications go. */
export const CALLBACK_URL = 'https://example.com/hook'
/** Where this service is. */
export const SERVICE_URL = 'https://bell.example.com'
/** The topic of its events. */
export const TOPIC = `instance-${INSTANCE_ID}-woocommercerest-events`

/** When a poll saw the change. */
const DETECTED_MS = Date.UTC(2026, 5, 1, 12)
export const DETECTED_ISO = '2026-06-01T12:00:00.000Z'
export const DETECTED_ISO_SECONDS = '2026-06-01T12:00:00Z'
/** When the callback accepted the notification. */
export const DELIVERED_ISO_SECONDS = '2026-06-01T12:00:01Z'

/**
 * The seventh event of the instance: 48 bits of its number, 48 of the sequence, and a tag of 24 that cannot be guessed.
 */
export const EVENT_ID = 'AAAAADA5AAAAAAAHf3kC'
/** The notification that carries it: the instance's number × 10⁹ and a counter. */
export const NOTIFICATION_ID = INSTANCE_ID * 1e9 + 4

/** The order that changed, with a few of its fields. The store is six hours behind UTC. */
export const ORDER = {
	id: 398,
	number: '398',
	status: 'processing',
	currency: 'USD',
	date_created: '2026-06-01T05:41:12',
	date_created_gmt: '2026-06-01T11:41:12',
	date_modified: '2026-06-01T05:59:30',
	date_modified_gmt: '2026-06-01T11:59:30',
	total: '19.00',
	customer_id: 25,
	billing: { first_name: 'Jane', last_name: 'Doe', email: 'jane@example.com', country: 'US' },
	line_items: [{ id: 512, name: 'Blue mug', product_id: 93, quantity: 2, total: '19.00' }],
}

/** The event's entry in a message. */
export const EVENT_ENTRY = {
	date: '2026-06-01T11:59:30Z',
	elementKey: 'woocommercerest',
	pollDate: DETECTED_ISO_SECONDS,
	eventType: 'UPDATED',
	hubKey: 'ecommerce',
	objectId: String(ORDER.id),
	objectType: 'orders',
	eventId: EVENT_ID,
	sequence: 7,
	objectSequence: 2,
	previousSequence: 1,
	changedFields: ['status'],
	source: 'poll',
}

/** The message that carries it. */
export const MESSAGE = {
	elementKey: 'woocommercerest',
	accountId: ACCOUNT.id,
	companyId: ACCOUNT.id,
	userId: PERSON.id,
	eventId: EVENT_ID,
	instanceId: INSTANCE_ID,
	instance_id: INSTANCE_ID,
	instanceName: INSTANCE_NAME,
	instanceTags: INSTANCE_TAGS,
	raw: { orders: [ORDER], pollDate: DETECTED_MS, objectType: 'orders' },
	events: [EVENT_ENTRY],
}

/** An opaque page token. */
export const PAGE_TOKEN = 'MTIzNDU'

/** A fake secret of 44 characters. */
export const exampleSecret = (what: string): string =>
	`${`example/${what}/not/a/real/secret/`.padEnd(43, '0').slice(0, 43)}=`
/** A fake token of 47 characters. */
export const exampleToken = (prefix: 'sbs_' | 'sbk_' | 'sbl_'): string =>
	`${prefix}example_not_a_real_token_`.padEnd(47, '0')

const REQUEST_ID = '3f2c9b1e-7a54-4c1d-9e0b-5d8f6a2c4b17'

/** An error message for each status. */
const MESSAGES: Record<ErrorStatus, string> = {
	400: 'pageSize: expected a whole number from 1 to 200',
	401: 'Authorization: this call also needs "Organization <organization secret>"',
	403: 'This call requires the role developer or above; yours is viewer',
	404: 'Not found',
	405: 'Expected GET or POST',
	406: 'Accept: expected application/json',
	409: 'Another request changed this instance at the same time; read it again and retry',
	410: 'This instance was deleted',
	413: `body: ${expectedAtMost('body')}`,
	415: 'Content-Type: expected application/json',
	422: 'Idempotency-Key: already used for another request within 24 hours; use a new key',
	429: 'Too many failed authentication attempts; try again later',
	500: STATUS_DESCRIPTIONS[500],
	503: 'The delivery could not be stored. Polling finds the change',
	502: 'https://shop.example.com/wp-json/wc/v3/orders answered 500: Error establishing a database connection',
}

/** The error body of a status. */
export function errorExample(status: ErrorStatus): { message: string; requestId: string; providerMessage?: string } {
	const providerFields = status === 502 ? { providerMessage: 'Error establishing a database connection' } : {}
	return { message: MESSAGES[status], requestId: REQUEST_ID, ...providerFields }
}

/** An API key, as listed. */
export const API_KEY = {
	id: 14,
	name: 'Nightly export',
	hint: '0000',
	scopes: ['instances:read', 'hub:read'],
	userId: PERSON.id,
	createdDate: '2026-05-21T10:00:00Z',
	expiresDate: '2026-08-19T10:00:00Z',
	expired: false,
	lastUsedDate: DETECTED_ISO_SECONDS,
}
