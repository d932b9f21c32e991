/**
 * A vendor's webhooks: those that should exist at a store, what a sync finds and changes there, what a delivery means.
 * And what is the same for every vendor: the webhooks of an instance, and the phrase for a change.
 */
import type { Failure, ObjectId, StoreClient, VendorRecord } from './store.ts'

/** What marks our webhooks at a store. */
export interface WebhookIdentity {
	/** `Shopbell 42`. */
	name: string
	/** The receiver's full address; its path marks ours too. */
	deliveryUrl: string
}

/** The webhooks that should exist at a store. */
export interface DesiredWebhooks extends WebhookIdentity {
	/** Topic → secret; webhooks of ours for any other topic are deleted. */
	secrets: Record<string, string>
	/**
	 * Write the secrets in any case: stores never show them, so nothing there shows whether they are of the current key.
	 */
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

/** What was done to a webhook. */
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
	/** '' for a webhook that had none. */
	topic: string
	/** At least one; several only of a repair: `re-enabled`, `moved` and `secret-written` may come together. */
	kinds: WebhookChangeKind[]
	/** The webhook's status at the store before the change; '' when it did not exist. */
	statusBefore: string
}

/** What `ensure`, `pause` and `remove` found and did. */
export interface WebhookSyncResult {
	/** Everything is as desired now. */
	ok: boolean
	/** The store's webhooks as they are now, ours and others. */
	webhooks: StoreWebhook[]
	/** What was changed. */
	changes: WebhookChange[]
	/** Topics that this store's version does not know; no error. */
	unsupported: string[]
	/** What could not be done, a sentence each. */
	errors: string[]
	/** The right that the key lacks, as a sentence with the next step; null when it lacks none. */
	missingPermission: string | null
	/** The call that brought no usable answer; null when all did. */
	failure: Failure | null
	/** The store may have changed something, also where its answer was lost. */
	mayHaveChanged: boolean
}

/** What a delivery's headers say. Texts are short and plain; '' where a header is absent. */
export interface WebhookHeaders {
	topic: string
	/** The signature's bytes; null when there is none or it cannot be one. */
	signature: Uint8Array<ArrayBuffer> | null
	webhookId: string
	deliveryId: string
	/** The site that sent it, as it names itself. */
	source: string
}

/**
 * What a delivery's body means: a record; the id of something that must be read; the vendor's own error in place of a
 * record; or nothing that this element knows. `path`: the collection at the vendor. `parent`: of a variation, its
 * product's id.
 */
export type ParsedWebhook =
	| { kind: 'record'; path: string; id: ObjectId; record: VendorRecord }
	| { kind: 'hint'; path: string; id: ObjectId; parent?: ObjectId }
	| { kind: 'error-object'; path: string; id: ObjectId | null }
	| { kind: 'unknown' }

/** The webhooks of a vendor. */
export interface VendorWebhooks {
	/** All topics, those that matter most first. */
	topics: readonly string[]
	/** The topics that report changes of a collection (vendor path); none: only polling sees them. */
	topicsFor(path: string): readonly string[]
	/** Derives a webhook's secret, so that a delivery is verified with the master key and without a look-up. */
	deriveSecret(masterKey: Uint8Array, instanceId: number, topic: string, version: number): string
	/** Makes the store's webhooks as desired, in as few calls as it takes. Safe to repeat; touches only ours. */
	ensure(client: StoreClient, desired: DesiredWebhooks): Promise<WebhookSyncResult>
	/** Pauses ours without deleting them. */
	pause(client: StoreClient, identity: WebhookIdentity): Promise<WebhookSyncResult>
	/** Deletes ours. */
	remove(client: StoreClient, identity: WebhookIdentity): Promise<WebhookSyncResult>
	/** Whether a request is the vendor's probe of the address: unsigned, answered 200 and ignored. */
	isPing(headers: Headers, body: string): boolean
	/** Parses the headers of a delivery; null when they are not this vendor's. */
	parseHeaders(headers: Headers): WebhookHeaders | null
	/** What a body means under the topic of its headers. Anything but JSON is `unknown`. */
	parseBody(topic: string, body: string): ParsedWebhook
}

/** The topics that report changes of these collections (vendor paths), those that matter most first. */
export function getTopics(webhooks: Pick<VendorWebhooks, 'topics' | 'topicsFor'>, paths: readonly string[]): string[] {
	const wantedTopics = new Set(paths.flatMap((path) => webhooks.topicsFor(path)))
	return webhooks.topics.filter((topic) => wantedTopics.has(topic))
}

/** The webhooks that an instance should have for the collections that it watches (vendor paths). */
export function toDesiredWebhooks(
	webhooks: VendorWebhooks,
	instance: { id: number; version: number; deliveryUrl: string },
	paths: readonly string[],
	secrets: { masterKey: Uint8Array; rewrite: boolean },
): DesiredWebhooks {
	return {
		name: `Shopbell ${instance.id}`,
		deliveryUrl: instance.deliveryUrl,
		secrets: Object.fromEntries(
			getTopics(webhooks, paths).map((topic) => [
				topic,
				webhooks.deriveSecret(secrets.masterKey, instance.id, topic, instance.version),
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
