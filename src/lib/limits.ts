/**
 * The limits of the API: one table for the checks, the error messages and the guide. Above a limit the response is
 * 400, 413 for a body, or 409 if something must end first; its message names the limit and its value. A test requires
 * a case for every row.
 */

/** One limit. */
interface Limit {
	/** The maximum that is accepted. */
	value: number
	/** The unit; bytes are shown as kB or MB of 1024. */
	unit: string
	/** The calls and the field that it applies to. */
	where: string
	/** Its meaning, as a sentence for people. */
	sentence: string
}

const limits = {
	body: {
		value: 1024 * 1024,
		unit: 'bytes',
		where: 'every call but GET, except the two below',
		sentence: 'The body of a request.',
	},
	hubBody: {
		value: 8 * 1024 * 1024,
		unit: 'bytes',
		where: 'POST, PUT and PATCH of /hubs/ecommerce/…',
		sentence: 'The body of a write to the store: records may be large.',
	},
	receiverBody: {
		value: 8 * 1024 * 1024,
		unit: 'bytes',
		where: 'POST /events/{elementKey}/…',
		sentence: 'A delivery of a store’s webhook; what is larger is found by polling.',
	},
	nesting: {
		value: 512,
		unit: 'levels',
		where: 'every body',
		sentence: 'Lists and objects inside one another.',
	},
	pageSize: {
		value: 200,
		unit: 'records',
		where: 'pageSize of every list',
		sentence:
			'Records of a page. Without pageSize: 200; events, notifications and deliveries 100, timelines 50, dispositions 20.',
	},
	pageToken: {
		value: 500,
		unit: 'characters',
		where: 'nextPage of every list',
		sentence: 'The Elements-Next-Page-Token of an earlier answer is always shorter.',
	},
	instanceId: {
		value: 9_000_000,
		unit: 'ids',
		where: 'POST /instances, and the first subscription or notification of an organization’s own topics',
		sentence: 'Ids of instances, also of deleted ones: ids of notifications contain them and stay safe integers.',
	},
	mergedInstances: {
		value: 200,
		unit: 'instances',
		where: 'lists of events, notifications and deliveries across instances',
		sentence: 'Instances that one call reads; narrow it by time, tag or instance.',
	},
	resourceNames: {
		value: 50,
		unit: 'resources',
		where: 'resources[] of lists and exports of events',
		sentence: 'Resources that one call asks for.',
	},
	intervals: {
		value: 1_500,
		unit: 'intervals',
		where: 'interval of analytics of events',
		sentence: 'Intervals that one answer counts.',
	},
	searchText: {
		value: 255,
		unit: 'characters',
		where: 'searchText of GET /instances and /instances/states',
		sentence: 'Text to search for in names, element keys and store URLs.',
	},
	where: {
		value: 4_000,
		unit: 'characters',
		where: 'where of the hub, of deliveries',
		sentence: 'A condition on the records of a list.',
	},
	fields: {
		value: 2_000,
		unit: 'characters',
		where: 'fields of the hub',
		sentence: 'Names of the fields to return.',
	},
	orderBy: {
		value: 200,
		unit: 'characters',
		where: 'orderBy of the hub',
		sentence: 'The field that a list is ordered by.',
	},
	name: { value: 255, unit: 'characters', where: 'name of an instance', sentence: 'The name of an instance.' },
	tags: { value: 20, unit: 'tags', where: 'tags of an instance', sentence: 'Tags of one instance.' },
	tag: { value: 64, unit: 'characters', where: 'tags of an instance', sentence: 'One tag.' },
	configuration: {
		value: 64 * 1024,
		unit: 'bytes',
		where: 'configuration of an instance',
		sentence: 'All keys and values of an instance’s configuration, as JSON.',
	},
	configurationKey: {
		value: 255,
		unit: 'characters',
		where: 'configuration of an instance',
		sentence: 'The name of a configuration key.',
	},
	storeKey: {
		value: 1_000,
		unit: 'characters',
		where: 'oauth.api.key, oauth.api.secret',
		sentence: 'A consumer key or secret of the store.',
	},
	url: { value: 2_048, unit: 'characters', where: 'store.url, every callback URL', sentence: 'An address.' },
	resources: {
		value: 50,
		unit: 'resources',
		where: 'event.poller.configuration',
		sentence: 'Resources that one instance watches.',
	},
	resourceLabel: {
		value: 128,
		unit: 'characters',
		where: 'event.poller.configuration',
		sentence: 'The label of a resource, which becomes objectType.',
	},
	resourceSeconds: {
		value: 366 * 86_400,
		unit: 'seconds',
		where: 'pollDelay and createdCheckTolerance in event.poller.configuration',
		sentence: 'A delay or tolerance of a resource: a leap year.',
	},
	ignoredPaths: {
		value: 100,
		unit: 'paths',
		where: 'ignore in event.poller.configuration',
		sentence: 'Paths of a resource that do not count as a change.',
	},
	ignoredPath: {
		value: 200,
		unit: 'characters',
		where: 'ignore in event.poller.configuration',
		sentence: 'One such path.',
	},
	scanBudget: {
		value: 1_000,
		unit: 'requests',
		where: 'event.poller.scanBudget',
		sentence: 'Requests that one poll spends on scans.',
	},
	signatureKey: {
		value: 128,
		unit: 'characters',
		where: 'event.notification.signature.key, operator.webhook.key, POST …/signature-key/rotate',
		sentence: 'A key that signs notifications.',
	},
	signatureGrace: {
		value: 7 * 86_400,
		unit: 'seconds',
		where: 'grace of POST …/signature-key/rotate',
		sentence: 'How long both keys sign during a rotation: a week.',
	},
	basicAuth: {
		value: 255,
		unit: 'characters',
		where: 'event.notification.basic.username, event.notification.basic.password',
		sentence: 'User name or password for Basic authentication at the callback.',
	},
	callbackHeaders: {
		value: 5,
		unit: 'headers',
		where: 'event.notification.callback.headers',
		sentence: 'Custom headers that are sent to the callback.',
	},
	callbackHeader: {
		value: 1_000,
		unit: 'plain characters',
		where: 'event.notification.callback.headers',
		sentence: 'The value of such a header.',
	},
	batch: {
		value: 100,
		unit: 'events',
		where: 'event.notification.batch',
		sentence: 'Events that one notification holds.',
	},
	rate: {
		value: 1_000,
		unit: 'notifications a second',
		where: 'event.notification.rate',
		sentence: 'The highest rate that can be set.',
	},
	filterTypes: {
		value: 100,
		unit: 'characters',
		where: 'event.notification.filter.types',
		sentence: 'Event types that are sent, joined with |.',
	},
	filterResources: {
		value: 10_000,
		unit: 'characters',
		where: 'event.notification.filter.resources',
		sentence: 'Labels of the resources whose events are sent, joined with |.',
	},
	filterWhere: {
		value: 1_000,
		unit: 'characters',
		where: 'event.notification.filter.where',
		sentence: 'The condition that a record must meet to be sent.',
	},
	subscriptions: {
		value: 10,
		unit: 'subscriptions',
		where: 'POST /notifications/subscriptions',
		sentence: 'Further subscriptions of one instance, and subscriptions to topics of the organization.',
	},
	topics: { value: 50, unit: 'topics', where: 'topics of a subscription', sentence: 'Topics of one subscription.' },
	topic: {
		value: 255,
		unit: 'characters',
		where: 'topic of a notification, topics of a subscription',
		sentence: 'The name of a topic.',
	},
	message: {
		value: 256 * 1024,
		unit: 'bytes',
		where: 'message of POST /notifications',
		sentence: 'A message that is posted to a topic, as JSON.',
	},
	from: {
		value: 255,
		unit: 'characters',
		where: 'from of POST /notifications',
		sentence: 'The sender of a posted notification.',
	},
	replays: {
		value: 10,
		unit: 'replays',
		where: 'POST …/replays',
		sentence: 'Replays of one instance that run at a time.',
	},
	replayText: {
		value: 200,
		unit: 'characters',
		where: 'filter.text of POST …/replays',
		sentence: 'Text to search for in records.',
	},
	replayInstances: {
		value: 1_000,
		unit: 'instances',
		where: 'instanceIds of POST /replays',
		sentence: 'Instances that a replay across instances names; without names it covers all of them.',
	},
	replayJobs: {
		value: 5,
		unit: 'replays',
		where: 'POST /replays',
		sentence: 'Replays across instances that run at a time.',
	},
	time: {
		value: 64,
		unit: 'characters',
		where: 'from, to, expiresDate and lastEventId, wherever they are',
		sentence: 'A time, or the id of an event.',
	},
	objectId: {
		value: 255,
		unit: 'characters',
		where: 'resource and object id in paths',
		sentence: 'The label of a resource, or the id of an object at the store.',
	},
	retentionDays: {
		value: 365,
		unit: 'days',
		where: 'events.retention.days',
		sentence: 'How long settled events are kept.',
	},
	scheduleSteps: {
		value: 50,
		unit: 'numbers',
		where: 'notification.webhook.retry.schedule',
		sentence: 'Steps of a retry schedule.',
	},
	scheduleDays: {
		value: 30,
		unit: 'days',
		where: 'notification.webhook.retry.schedule',
		sentence: 'The total length of a retry schedule.',
	},
	personName: {
		value: 255,
		unit: 'characters',
		where: 'firstName and lastName of a user, name of an account and of an API key',
		sentence: 'The name of a person, an organization or an API key.',
	},
	email: { value: 255, unit: 'characters', where: 'email of a user', sentence: 'An e-mail address.' },
	password: {
		value: 256,
		unit: 'characters',
		where: 'password, wherever one is set',
		sentence: 'A password; at least 12.',
	},
	signIn: {
		value: 1_024,
		unit: 'characters',
		where: 'username and password of POST /authentication, current of PUT /users/me/password',
		sentence: 'A user name or password as it is sent.',
	},
	secretGrace: {
		value: 7 * 86_400,
		unit: 'seconds',
		where: 'grace of POST …/secrets/rotate',
		sentence: 'How long the previous secret continues to work: a week.',
	},
	apiKeyDays: {
		value: 3_650,
		unit: 'days',
		where: 'expiresDays of an API key',
		sentence: 'How long an API key with an expiry lasts.',
	},
	scopes: { value: 100, unit: 'scopes', where: 'scopes of an API key', sentence: 'Scopes of one API key.' },
	linkToken: {
		value: 255,
		unit: 'characters',
		where: 'token of POST /authentication/accept',
		sentence: 'The token of a one-time link.',
	},
	auditAction: {
		value: 64,
		unit: 'characters',
		where: 'action of GET /accounts/audit',
		sentence: 'The name of an action in the audit log.',
	},
	idempotencyKey: {
		value: 255,
		unit: 'visible characters',
		where: 'Idempotency-Key of every POST but signing in, one-time links, receivers and /tools',
		sentence: 'The key that makes a request idempotent.',
	},
	toolHeaders: {
		value: 200,
		unit: 'headers',
		where: 'headers of POST /tools/verify-signature',
		sentence: 'Headers of the received request.',
	},
	toolHeaderName: {
		value: 200,
		unit: 'characters',
		where: 'headers of POST /tools/verify-signature',
		sentence: 'The name of such a header.',
	},
	toolHeader: {
		value: 16_384,
		unit: 'characters',
		where: 'headers of POST /tools/verify-signature',
		sentence: 'The value of such a header.',
	},
	toolKey: {
		value: 1_000,
		unit: 'characters',
		where: 'key of POST /tools/verify-signature',
		sentence: 'The key as the receiver has it.',
	},
} as const satisfies Record<string, Limit>

/** A limit's name in the code and in the tests. */
export type LimitName = keyof typeof limits

/** Every limit, by its name. */
export const LIMITS: { readonly [Name in LimitName]: Readonly<Limit> } = limits

/** The value of a limit with its unit: `255 characters`, `64 kB`, `8 MB`. */
export function formatLimit(name: LimitName): string {
	const { value, unit } = LIMITS[name]
	if (unit !== 'bytes') return `${value} ${unit}`
	return value >= 1024 * 1024 ? `${value / 1024 / 1024} MB` : `${value / 1024} kB`
}

/** For error messages: `expected at most 255 characters`. */
export function expectedAtMost(name: LimitName): string {
	return `expected at most ${formatLimit(name)}`
}

/** A row of the table for readers. */
interface LimitRow {
	name: LimitName
	/** `255 characters` */
	most: string
	where: string
	sentence: string
	/** Status of the response above it. */
	status: 400 | 409 | 413
}

/** Limits of what a store says about itself, in characters and entries: more is cut off, not refused. */
export const STORE_FACT_LIMITS = { name: 255, timeZone: 64, version: 32, arguments: 200, argument: 64 } as const

/** The table, in the order in which the guide shows it. */
export function getLimitRows(): LimitRow[] {
	return (Object.keys(LIMITS) as LimitName[]).map((name) => ({
		name,
		most: formatLimit(name),
		where: LIMITS[name].where,
		sentence: LIMITS[name].sentence,
		status: statusFor(name),
	}))
}

function statusFor(name: LimitName): LimitRow['status'] {
	if (name === 'body' || name === 'hubBody' || name === 'receiverBody') return 413
	return name === 'replayJobs' || name === 'instanceId' ? 409 : 400
}

/** The table as Markdown, for the guide. */
export function toLimitsMarkdown(): string {
	const line = (cells: readonly string[]): string =>
		`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
	return [
		line(['what', 'at most', 'where', 'past it']),
		'|---|---|---|---|',
		...getLimitRows().map((row) => line([row.sentence, row.most, row.where, String(row.status)])),
	].join('\n')
}
