/** Examples of the overview of all instances, and of their states. Pure. */
import { DETECTED_ISO_SECONDS, INSTANCE_ID, INSTANCE_NAME, INSTANCE_TAGS } from '../http/examples.ts'

/** What needs attention. */
export const ATTENTION = {
	instanceId: INSTANCE_ID,
	name: INSTANCE_NAME,
	state: 'deletions-held',
	since: DETECTED_ISO_SECONDS,
	count: 214,
	text: '214 products disappeared at once. No DELETED events were sent; confirm or dismiss them.',
	fix: 'deletions',
}

/** An instance in the list of states. */
export const INSTANCE_STATE = {
	id: INSTANCE_ID,
	name: INSTANCE_NAME,
	storeUrl: 'https://shop.example.com',
	state: 'healthy',
	reason: 'The last poll of every resource succeeded.',
	since: '2026-05-20T08:31:10Z',
	mode: 'hybrid',
	tags: INSTANCE_TAGS,
	changes: [0, 0, 0, 0, 0, 0, 2, 5, 9, 12, 8, 6, 7, 9, 4, 11, 6, 3, 2, 1, 0, 0, 4, 7],
	lagMs: 900,
	waiting: 0,
	lastChange: DETECTED_ISO_SECONDS,
	progress: null,
	reportedAt: '2026-06-01T12:03:10Z',
}

/** All instances together. */
export const OVERVIEW = {
	asOf: '2026-06-01T12:03:10Z',
	attention: { total: 1, items: [ATTENTION] },
	changes: { total: 1284, created: 431, updated: 812, deleted: 41 },
	delivered: { changes: 1281, notifications: 902, p50Ms: 1100, p99Ms: 14_000 },
	waiting: { events: 3, since: '2026-06-01T12:02:30Z', instances: 1 },
	recovered: 15,
	instances: {
		total: 7,
		states: [
			{ state: 'deletions-held', instances: 1 },
			{ state: 'healthy', instances: 6 },
		],
		worst: [{ ...INSTANCE_STATE, state: ATTENTION.state, reason: 'Too many objects disappeared at once.' }],
	},
}
