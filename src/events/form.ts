/**
 * Makes notifications of what waits (design, The way of a change, 4). A pure decision: which events go together, now. Once formed,
 * a notification's list of events never changes; so what must stay in order is held back here.
 */

/** An event that is in no notification yet. */
export interface WaitingEvent {
	sequence: number
	/** The resource's label: a notification has events of one. */
	resource: string
	/** Whose event it is, from `objectKey`. */
	object: string
}

/** How many events a notification holds, and how many notifications of one subscription may be unsettled at a time. */
export interface FormLimits {
	perNotification: number
	unsettled: number
}

/** The contract's sizes (section 4), by how changes are seen; `event.notification.batch` overrides. */
export const DEFAULT_BATCH: Readonly<Record<'polling' | 'webhook' | 'hybrid', number>> = { polling: 10, webhook: 20, hybrid: 10 }

/** The limits for notifications of at most `batch` events. The bound on unsettled ones keeps a long outage's events in the log, where they are cheap. */
export function formLimits(batch: number): FormLimits {
	return { perNotification: batch, unsettled: 100 }
}

/** A notification to be made: events of one resource, ascending. */
export interface FormedNotification {
	resource: string
	sequences: number[]
}

/**
 * Names an object for `WaitingEvent.object` and `blocked`. `resource` is what identifies the resource; its identity rather than its
 * label keeps an object's order across a renaming.
 */
export function objectKey(resource: string, objectId: number | string): string {
	return `${resource}\u0000${objectId}`
}

/**
 * Forms what can be sent now, oldest event first.
 *
 * Two notifications travel at the same time, so an object with an unsettled one waits, and so does one whose events did not all fit:
 * all events of an object that go now go in the same notification, in order.
 *
 * @param waiting events in no notification, in any order
 * @param blocked objects (`objectKey`) with an unsettled notification on this subscription
 * @param limits `perNotification` is what is read here
 * @param room how many notifications may be made: the limit of unsettled ones less those there are
 */
export function form(
	waiting: readonly WaitingEvent[],
	blocked: ReadonlySet<string>,
	limits: Pick<FormLimits, 'perNotification'>,
	room: number,
): FormedNotification[] {
	const formed: FormedNotification[] = []
	/** Per resource, the notification that still takes events. */
	const open = new Map<string, FormedNotification>()
	/** Where each object's events of this call went; null: it must wait. */
	const placed = new Map<string, FormedNotification | null>()

	for (const event of waiting.toSorted((a, b) => a.sequence - b.sequence)) {
		if (blocked.has(event.object)) continue
		let target = open.get(event.resource)
		if (target !== undefined && target.sequences.length >= limits.perNotification) target = undefined
		const earlier = placed.get(event.object)
		// Its earlier events go elsewhere, or wait: this one must not overtake them.
		if (earlier !== undefined && earlier !== target) {
			placed.set(event.object, null)
			continue
		}
		if (target === undefined) {
			if (formed.length >= room) {
				placed.set(event.object, null)
				continue
			}
			target = { resource: event.resource, sequences: [] }
			open.set(event.resource, target)
			formed.push(target)
		}
		target.sequences.push(event.sequence)
		placed.set(event.object, target)
	}
	return formed
}
