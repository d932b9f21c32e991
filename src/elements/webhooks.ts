/**
 * A vendor's webhooks, as an element makes, mends and reads them: what Shopbell wants at a store, what it finds there,
 * what a delivery says.
 */
import type { Failure, ObjectId, StoreClient, VendorRecord } from './store.ts'

/** The webhooks that should exist at a store. */
export interface DesiredWebhooks {
	/** The name that marks ours: `Shopbell 42`. */
	name: string
	/** The receiver's full address; its path marks ours too. */
	deliveryUrl: string
	/** Topic → secret; no other topic of ours stays. */
	secrets: Record<string, string>
	/**
	 * Write the secrets in any case: stores never show them, so a turned key or an adopted webhook cannot be seen there.
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

/** What `ensure`, `pause` and `remove` found and did. */
export interface WebhookSyncResult {
	/** Everything is as desired now. */
	ok: boolean
	/** The store's webhooks as they are now, ours and others. */
	webhooks: StoreWebhook[]
	/** What was changed, a short phrase each: `re-enabled order.updated`. */
	changes: string[]
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

/** Webhooks of a vendor. */
export interface VendorWebhooks {
	/** All topics, those that matter most first. */
	topics: readonly string[]
	/** Topics that bring news of a polled collection, by its vendor path; none: only polling sees it. */
	topicsFor(path: string): readonly string[]
	/**
	 * A webhook's secret, derived: whoever has the master key can verify without looking anything up. `owner`: the
	 * instance's number.
	 */
	deriveSecret(masterKey: Uint8Array, instanceId: number, topic: string, version: number): string
	/** Makes the store's webhooks as desired, in as few calls as it takes; safe to repeat. Touches none but ours. */
	ensure(client: StoreClient, desired: DesiredWebhooks): Promise<WebhookSyncResult>
	/** Stops ours without deleting them. */
	pause(client: StoreClient, desired: Pick<DesiredWebhooks, 'name' | 'deliveryUrl'>): Promise<WebhookSyncResult>
	/** Deletes ours. */
	remove(client: StoreClient, desired: Pick<DesiredWebhooks, 'name' | 'deliveryUrl'>): Promise<WebhookSyncResult>
	/** Whether a request is the vendor's probe of the address: unsigned, answered 200, worth nothing. */
	isPing(headers: Headers, body: string): boolean
	/** What the headers of a delivery say; null when they are none of this vendor's. */
	parseHeaders(headers: Headers): WebhookHeaders | null
	/** What a body means, under the topic of its headers. Reads JSON; anything else is `unknown`. */
	parseBody(topic: string, body: string): ParsedWebhook
}
