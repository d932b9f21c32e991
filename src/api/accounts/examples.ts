/** Examples of accounts, users, secrets and sessions. Pure. */
import {
	ACCOUNT,
	API_KEY,
	INSTANCE_ID,
	exampleSecret,
	exampleToken,
	PERSON,
	DETECTED_ISO_SECONDS,
	SERVICE_URL,
} from '../http/examples.ts'

/** Settings. */
export const SETTINGS = {
	'notification.webhook.retry.schedule': 'standard',
	'notification.webhook.failure.policy': 'retry',
	'events.retention.days': '14',
	'operator.webhook.url': null,
	'operator.webhook.key': null,
}

/** A created API key. */
export const NEW_API_KEY = { ...API_KEY, lastUsedDate: null, key: exampleToken('sbk_') }

/** A row of the audit log. */
export const AUDIT_ENTRY = {
	id: 91,
	date: '2026-05-20T08:30:00Z',
	user: { id: PERSON.id, email: PERSON.emailAddress },
	action: 'instance.create',
	object: { type: 'instance', id: INSTANCE_ID },
	detail: { element: 'woocommercerest', keys: ['store.url', 'oauth.api.key', 'oauth.api.secret'] },
	requestId: '3f2c9b1e-7a54-4c1d-9e0b-5d8f6a2c4b17',
}

/** A secret that was rotated with a grace period. */
export const SECRET = { secret: exampleSecret('secret'), previousUntil: '2026-06-02T12:00:00Z' }
export const SECRETS = { userSecret: exampleSecret('user'), organizationSecret: exampleSecret('organization') }

/** The caller's organization. */
export const ORGANIZATION = {
	id: ACCOUNT.id,
	name: ACCOUNT.name,
	secret: exampleSecret('organization'),
	active: true,
	createdDate: ACCOUNT.createdDate,
}

/** An invitation, as its page shows it. */
export const ONE_TIME_LINK = {
	emailAddress: PERSON.emailAddress,
	organizationName: ACCOUNT.name,
	purpose: 'invitation' as const,
	expiresDate: '2026-06-08T12:00:00Z',
}

/** An invited user. */
export const USER = {
	id: 8,
	email: 'bo@acme.example',
	firstName: 'Bo',
	lastName: 'Park',
	fullName: 'Bo Park',
	active: false,
	role: 'developer',
	createdDate: DETECTED_ISO_SECONDS,
	passwordSet: false,
	secretSet: false,
	link: { purpose: 'invitation', expiresDate: '2026-06-08T12:00:00Z' },
}

const LINK_TOKEN = exampleToken('sbl_')
/** The link of the invitation. */
export const LINK = {
	url: `${SERVICE_URL}/accept/${LINK_TOKEN}`,
	token: LINK_TOKEN,
	expiresDate: '2026-06-08T12:00:00Z',
}

export const SESSION = {
	id: 21,
	current: true,
	agent: 'curl/8.14.1',
	createdDate: DETECTED_ISO_SECONDS,
	expiresDate: '2026-06-15T12:00:00Z',
}
export const TOKEN = { token: exampleToken('sbs_'), expiresDate: SESSION.expiresDate }
