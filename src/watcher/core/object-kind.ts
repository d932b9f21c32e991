/**
 * The two kinds of object: an instance's object watches a store; an organization's own object has no store and delivers
 * notices. The only place that reads `WatcherConfig.storeless`.
 */
import { NEVER_MS } from '../../lib/time.ts'
import type { Element } from '../../elements/element.ts'
import type { WatcherConfig } from '../../rpc/config.ts'
import type { Claim } from '../../rpc/delivery.ts'

/** The differences between the kinds. */
export interface ObjectKind {
	/** Polls a store, and reports its status to D1. */
	watchesStore: boolean
	/** Accepts notices: operator events, and messages posted to the organization's own topics. */
	takesNotices: boolean
	/** The owner of the key that seals the configuration's secrets. */
	sealedFor: Claim['sealedFor']
	/** The hub that bodies and events name; '' without a store. `getElement` throws without a store. */
	getHubKey(getElement: () => Element): string
	/**
	 * Ms between polls. With webhooks alone: between the polls that reconcile them; ten years where those are off.
	 */
	getPollIntervalMs(config: WatcherConfig): number
}

const INSTANCE_OBJECT: ObjectKind = {
	watchesStore: true,
	takesNotices: false,
	sealedFor: 'instance',
	getHubKey: (getElement) => getElement().hub,
	getPollIntervalMs: ({ hooks, vendorType, pollIntervalMs }) => {
		if (vendorType !== 'webhook' || hooks === null) return pollIntervalMs
		return hooks.reconcileMs === 0 ? NEVER_MS : hooks.reconcileMs
	},
}

const ORGANIZATION_OBJECT: ObjectKind = {
	watchesStore: false,
	takesNotices: true,
	sealedFor: 'account',
	getHubKey: () => '',
	getPollIntervalMs: () => NEVER_MS,
}

/** The kind of the object that has this configuration. */
export function getObjectKind(config: WatcherConfig): ObjectKind {
	return config.storeless ? ORGANIZATION_OBJECT : INSTANCE_OBJECT
}
