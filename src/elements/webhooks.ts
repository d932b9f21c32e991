/**
 * A vendor's webhooks: which ones a store needs, the result of a sync, and the meaning of a delivery. Also the parts
 * that are the same for every vendor: the webhooks of an instance, and the description of a change.
 */
import type { Failure, ObjectId, StoreClient, VendorRecord } from './store.ts'

/** Identifies our webhooks at a store. */
export interface WebhookIdentity {
	/** `Shopbell 42`. */
	name: string
	/** The receiver's full URL; its path also identifies ours. */
	deliveryUrl: string
}

/** The webhooks that a store needs. */
export interface DesiredWebhooks extends WebhookIdentity {
	/** Topic → secret; our webhooks for any other topic are deleted. */
	secrets: Record<string, string>
	/** Writes the secrets in any case: stores never show them, so a comparison cannot tell whether they are current. */
	rewriteSecrets: boolean
}

/** A webhook at the store. `ours`: by name and path. */
export interface StoreWebhook {
	topic: string
	id: number | null
	status: string
	ours: boolean
	url: string
}

/** Changes of a webhook. */
export type WebhookChangeKind =
	| 'created'
	| 're-enabled'
	| 'moved'
	| 'secret-written'
	| 'paused'
	| 'deleted'
	| 'deleted-duplicate'

/** One webhook that was changed at the store. */
export interface WebhookChange {
	/** '' for a webhook without one. */
	topic: string
	/** At least one; several for a repair: `re-enabled`, `moved` and `secret-written` can come together. */
	kinds: WebhookChangeKind[]
	/** The webhook's status at the store before the change; '' if it did not exist. */
	statusBefore: string
}

/** The result of `ensure`, `pause` and `remove`. */
export interface WebhookSyncResult {
	/** All webhooks are as required. */
	ok: boolean
	/** The store's webhooks after the sync, ours and others. */
	webhooks: StoreWebhook[]
	/** The changes. */
	changes: WebhookChange[]
	/** Topics that this store's version does not have; not an error. */
	unsupported: string[]
	/** Changes that failed, a sentence each. */
	errors: string[]
	/** The right that the key lacks, as a sentence with the next step; null: none. */
	missingPermission: string | null
	/** The call that failed; null: none. */
	failure: Failure | null
	/** The store may have changed something, even if its response was lost. */
	mayHaveChanged: boolean
	/** The store's list did not show all webhooks, so none was created. */
	isIncomplete?: true
}

/** The headers of a delivery. Texts are short and plain; '' if a header is absent. */
export interface WebhookHeaders {
	topic: string
	/** The signature's bytes; null if it is absent or invalid. */
	signature: Uint8Array<ArrayBuffer> | null
	webhookId: string
	deliveryId: string
	/** The site that sent it, according to the delivery. */
	source: string
}

/**
 * The meaning of a delivery's body: a record; the id of an object that must be read; the vendor's own error in place
 * of a record; or nothing that this element supports. `path`: the collection at the vendor. `parent`: of a variation,
 * its product's id.
 */
export type ParsedWebhook =
	| { kind: 'record'; path: string; id: ObjectId; record: VendorRecord }
	| { kind: 'hint'; path: string; id: ObjectId; parent?: ObjectId }
	| { kind: 'error-object'; path: string; id: ObjectId | null }
	| { kind: 'unknown' }

/** The webhooks of a vendor. */
export interface VendorWebhooks {
	/** All topics, the most important first. */
	topics: readonly string[]
	/** The topics that report changes of a collection (vendor path); empty: only polling detects them. */
	topicsFor(path: string): readonly string[]
	/**
	 * Derives a webhook's secret from the instance's incarnation, so that a delivery is verified with the master key and
	 * without a look-up.
	 */
	deriveSecret(masterKey: Uint8Array, incarnation: string, topic: string, version: number): string
	/**
	 * Creates, repairs and deletes the store's webhooks as required, in as few calls as possible. Safe to repeat; changes
	 * only ours.
	 */
	ensure(client: StoreClient, desired: DesiredWebhooks): Promise<WebhookSyncResult>
	/** Pauses ours without deleting them. */
	pause(client: StoreClient, identity: WebhookIdentity): Promise<WebhookSyncResult>
	/** Deletes ours. */
	remove(client: StoreClient, identity: WebhookIdentity): Promise<WebhookSyncResult>
	/** Whether a request is the vendor's probe of the URL: unsigned, answered 200 and ignored. */
	isPing(headers: Headers, body: string): boolean
	/** Parses the headers of a delivery; null if they are not this vendor's. */
	parseHeaders(headers: Headers): WebhookHeaders | null
	/** The meaning of a body under the topic of its headers. Anything except JSON is `unknown`. */
	parseBody(topic: string, body: string): ParsedWebhook
}

/** The topics that report changes of these collections (vendor paths), the most important first. */
export function getTopics(webhooks: Pick<VendorWebhooks, 'topics' | 'topicsFor'>, paths: readonly string[]): string[] {
	const wantedTopics = new Set(paths.flatMap((path) => webhooks.topicsFor(path)))
	return webhooks.topics.filter((topic) => wantedTopics.has(topic))
}

/** The webhooks that an instance needs for the collections that it watches (vendor paths). */
export function toDesiredWebhooks(
	webhooks: VendorWebhooks,
	instance: { id: number; incarnation: string; version: number; deliveryUrl: string },
	paths: readonly string[],
	secrets: { masterKey: Uint8Array; rewrite: boolean },
): DesiredWebhooks {
	return {
		name: `Shopbell ${instance.id}`,
		deliveryUrl: instance.deliveryUrl,
		secrets: Object.fromEntries(
			getTopics(webhooks, paths).map((topic) => [
				topic,
				webhooks.deriveSecret(secrets.masterKey, instance.incarnation, topic, instance.version),
			]),
		),
		rewriteSecrets: secrets.rewrite,
	}
}

/** A change as a short phrase: `order.updated re-enabled (it was disabled), moved to the current address`. */
export function describeWebhookChange({ topic, kinds, statusBefore }: WebhookChange): string {
	const phrases = kinds.map((kind) => (kind === 're-enabled' ? `re-enabled (it was ${statusBefore})` : PHRASES[kind]))
	return `${topic === '' ? 'a webhook without a topic' : topic} ${phrases.join(', ')}`
}

const PHRASES: Record<Exclude<WebhookChangeKind, 're-enabled'>, string> = {
	created: 'created',
	moved: 'moved to the current address',
	'secret-written': 'secret rewritten',
	paused: 'paused',
	deleted: 'deleted',
	'deleted-duplicate': 'deleted (a duplicate)',
}
