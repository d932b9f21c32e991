/**
 * Forming: events become notifications of a subscription as soon as they can be sent in order; the others wait
 * (docs/architecture.md, From change to notification). Filters and coalescing apply here: events that they leave out
 * are never sent to the subscription.
 */
import type { EventType } from '../../events/event.ts'
import { matchesFilter } from '../../events/filter.ts'
import { topicMatches } from '../../events/topics.ts'
import {
	coalesce,
	toMemberOverrides,
	formNotifications,
	objectKey,
	type OpenNotification,
} from '../../events/batching.ts'
import type { NotificationMember, MemberOverrides } from '../../events/notification-members.ts'
import { linkPrevious, dropFiltered, type Candidate, type Assignment } from './chaining.ts'
import type { Core } from '../core/core.ts'
import { LANES, type Lane } from '../core/lanes.ts'
import { getObjectKeys, type NotificationRow, type Subscription } from '../core/rows.ts'
import type { Tx } from '../core/tx.ts'
import { writeEvent, type NewEvent } from '../log/event-log.ts'
import { addMembers, insertNotification } from './notification-rows.ts'
import { addSize, findOpen } from './open-notifications.ts'
import { resendReady } from './resend.ts'
import { countRecorded } from '../log/tally.ts'
import { countSendable, MAX_UNSETTLED, getUnsettledRows, needsMore } from './unsettled.ts'
import {
	hasWaitingIn,
	insertWaiting,
	placeEvents,
	readWaiting,
	removeWaiting,
	SENT_LANES,
	type PlacedEvent,
} from './waiting-rows.ts'

/** Maximum number of waiting events that are examined at a time. */
const WAITING_PAGE_SIZE = 1_000
/** Pages of waiting events that are queued at a time for a deactivated subscription. */
const MAX_QUEUED_PAGES = 5
/** Factor by which pages grow while all of a page must wait. */
const PAGE_GROWTH_FACTOR = 4
/** Notifications of mass changes are formed only while fewer than this can be sent, so that other events pass them. */
const MAX_SENDABLE_BEHIND = 5

/** However long the callback fails, they leave room for other events. */
const MAX_UNSETTLED_BEHIND = MAX_UNSETTLED / 2

/** Writes new events, each with the notifications that carry it. Events that cannot be sent in order yet wait. */
export function appendEvents(tx: Tx, core: Core, events: readonly NewEvent[]): void {
	const notificationIds = new Map<number, number[]>()
	const waiting: { subscription: number; placed: PlacedEvent }[] = []
	for (const subscription of core.subscriptions.getAll()) {
		const subscribed = events.filter((event) => isSubscribed(subscription, event.resource))
		const placedEvents = placeEvents(tx, core, subscription, subscribed, (event) =>
			isWanted(core, { ...event, type: event.eventType }),
		)
		const { assigned, omitted } = formAtOnce(tx, core, subscription, placedEvents)
		for (const [sequence, notification] of assigned)
			notificationIds.set(sequence, [...(notificationIds.get(sequence) ?? []), notification])
		for (const placed of placedEvents)
			if (!assigned.has(placed.event.sequence) && !omitted.has(placed.event.sequence))
				waiting.push({ subscription: subscription.id, placed })
	}
	const atMs = core.nextLogTimeMs(tx)
	for (const event of events) writeEvent(tx, core, event, notificationIds.get(event.sequence) ?? [], atMs)
	countRecorded(tx, core, events, atMs)
	for (const { subscription, placed } of waiting) insertWaiting(tx, core, subscription, placed)
	if (waiting.length > 0) formWaiting(tx, core)
}

/** Forms notifications of new events for which no other event has to be sent first: such events need no waiting row. */
function formAtOnce(tx: Tx, core: Core, subscription: Subscription, placedEvents: readonly PlacedEvent[]): Assignment {
	const result: Assignment = { assigned: new Map(), omitted: new Set() }
	for (const lane of SENT_LANES) {
		const own = placedEvents.filter((placed) => placed.lane === lane)
		if ((lane !== LANES.ordinary && own.length === 0) || hasWaitingIn(core, subscription.id, lane)) break
		const { assigned, omitted } = assign(tx, core, subscription, own.map(toCandidate), new Set(), lane)
		for (const [sequence, notification] of assigned) result.assigned.set(sequence, notification)
		for (const sequence of omitted) result.omitted.add(sequence)
		if (own.length > assigned.size + omitted.size) break
	}
	return result
}

/** Sends everything that can be sent now: resends first, then waiting events. */
export function drainWaiting(tx: Tx, core: Core): void {
	resendReady(tx, core)
	formWaiting(tx, core)
}

/** Whether events wait to be formed, or notifications to be sent again. */
export function hasWaiting(core: Core): boolean {
	return (
		core.state.resending > 0 ||
		core.subscriptions.getAll().some(({ id }) => SENT_LANES.some((lane) => hasWaitingIn(core, id, lane)))
	)
}

/** Forms notifications of waiting events, as far as there is room. */
function formWaiting(tx: Tx, core: Core): void {
	for (const subscription of core.subscriptions.getAll()) formWaitingFor(tx, core, subscription)
}

function formWaitingFor(tx: Tx, core: Core, subscription: Subscription): void {
	const blocked = new Set<string>()
	// A lane has its turn when all before it was looked at: `blocked` names the objects that must wait.
	for (const lane of SENT_LANES) if (!formLane(tx, core, subscription, lane, blocked)) return
}

/** False: not all events of the lane were looked at. Adds the objects of those that still wait to `blocked`. */
function formLane(tx: Tx, core: Core, subscription: Subscription, lane: Lane, blocked: Set<string>): boolean {
	let size = getFirstPageSize(core, subscription, lane)
	let afterSequence = 0
	for (let pages = 0; size > 0 && (subscription.active || pages < MAX_QUEUED_PAGES); pages++) {
		const candidates = readWaiting(core, subscription, lane, afterSequence, size)
		const last = candidates.at(-1)
		if (last === undefined) return true
		const assignment = assign(tx, core, subscription, candidates, blocked, lane)
		removeWaiting(tx, core, subscription, candidates, assignment)
		const { assigned, omitted } = assignment
		if (assigned.size > 0 && subscription.active) core.doorbellRequested = true
		for (const { sequence, object } of candidates)
			if (!assigned.has(sequence) && !omitted.has(sequence)) blocked.add(object)
		if (candidates.length < size) return true
		if (subscription.active && assigned.size > 0) return false
		// All of these must wait; later events of other objects may not have to.
		afterSequence = last.sequence
		size = Math.min(WAITING_PAGE_SIZE, size * PAGE_GROWTH_FACTOR)
	}
	return false
}

/** Number of waiting events to read first; 0: the subscription has enough to send, or no room. */
function getFirstPageSize(core: Core, subscription: Subscription, lane: Lane): number {
	if (!subscription.active) return WAITING_PAGE_SIZE
	if (!needsMore(core, subscription.id)) return 0
	const room = getRoom(core, subscription, lane)
	// Coalescing needs all waiting events of an object together.
	if (core.config.delivery.coalesce || lane !== LANES.ordinary) return room === 0 ? 0 : WAITING_PAGE_SIZE
	return Math.min(WAITING_PAGE_SIZE, room * core.config.delivery.batch)
}

/** How many notifications of a lane may be formed. For a deactivated subscription they are queued, in any number. */
function getRoom(core: Core, subscription: Subscription, lane: Lane): number {
	if (!subscription.active) return Number.POSITIVE_INFINITY
	const unsettled = getUnsettledFor(core, subscription).length
	if (lane === LANES.ordinary) return Math.max(0, MAX_UNSETTLED - unsettled)
	const room = Math.max(0, MAX_UNSETTLED_BEHIND - unsettled)
	const sendable = countSendable(core, subscription.id)
	// While the callback fails, those that are retried count too, unless they are all there is.
	const busy = subscription.failingSinceMs === null ? sendable : unsettled
	return Math.min(room, Math.max(sendable === 0 ? 1 : 0, MAX_SENDABLE_BEHIND - busy))
}

function getUnsettledFor(core: Core, subscription: Subscription): NotificationRow[] {
	return getUnsettledRows(core).filter((row) => row.subscription === subscription.id)
}

/**
 * Whether a subscription receives a topic: an instance's receives all; `instance.*` receives all that begin with
 * `instance.`.
 */
function isSubscribed(subscription: Subscription, topic: string): boolean {
	return subscription.topics === null || subscription.topics.some((wanted) => topicMatches(wanted, topic))
}

/** A notification to create, with its events. */
interface FormedNotification {
	id: number
	resource: string
	sequences: number[]
	/** Its row exists already: it got an id while it waited. */
	reserved: boolean
	/** Its row exists already, and takes further events. */
	isOpen: boolean
}

/** The result for candidates: notifications, and the overrides of their members by sequence. */
interface Formation {
	notifications: FormedNotification[]
	assignment: Assignment
	overrides: Map<number, MemberOverrides>
}

/**
 * Creates notifications of the events that can be sent, ascending. For a deactivated subscription they are queued
 * immediately, in any number.
 */
function assign(
	tx: Tx,
	core: Core,
	subscription: Subscription,
	candidates: readonly Candidate[],
	alreadyBlocked: ReadonlySet<string>,
	lane: Lane,
): Assignment {
	const blocked = new Set(alreadyBlocked)
	const unsettled = subscription.active ? getUnsettledFor(core, subscription) : []
	for (const row of unsettled) for (const object of getObjectKeys(row.members)) blocked.add(object)
	const resending = subscription.active ? core.resends.getObjects(subscription.id) : new Map<string, number>()
	const eligible = candidates.filter((candidate) => !blocked.has(candidate.object) && !resending.has(candidate.object))
	const room = getRoom(core, subscription, lane)
	// Mass changes wait for others, so others do not go with them.
	const open = lane === LANES.ordinary ? findOpen(core, subscription, unsettled) : []
	const { notifications, assignment, overrides } = form(core, subscription, eligible, { blocked, room, open })
	linkPrevious(tx, core, subscription, eligible, assignment, overrides)
	const bySequence = new Map(eligible.map((candidate) => [candidate.sequence, candidate]))
	for (const { id, resource, sequences, reserved, isOpen } of notifications) {
		if (reserved) {
			core.notifications.enqueue(tx, id, subscription.active ? 'waiting' : 'queued')
			continue
		}
		const members = sequences.map((sequence): NotificationMember => {
			const { resourceNumber, objectId } = bySequence.get(sequence)!
			return [sequence, resourceNumber, objectId, overrides.get(sequence)!]
		})
		if (isOpen) {
			const row = unsettled.find((candidate) => candidate.id === id)!
			addMembers(tx, core, row, members)
			addSize(
				row,
				sequences.reduce((sum, sequence) => sum + (bySequence.get(sequence)?.size ?? 0), 0),
			)
		} else insertNotification(tx, core, subscription, id, resource, members)
	}
	if (subscription.active)
		core.notifications.track(
			tx,
			notifications.filter(({ isOpen }) => !isOpen).map((notification) => notification.id),
		)
	return assignment
}

/** Decides which notifications eligible candidates form, and numbers them. Writes nothing. */
function form(
	core: Core,
	subscription: Subscription,
	eligible: readonly Candidate[],
	{ blocked, room, open }: { blocked: ReadonlySet<string>; room: number; open: readonly OpenNotification[] },
): Formation {
	const { delivery } = core.config
	const matching = eligible.filter((candidate) => !candidate.dismissed && isWanted(core, candidate))
	const { kept, cancelled } = coalesce(matching, delivery.coalesce)
	// Queued notices are sent in order when they are released, so nothing else has to wait for them.
	const formed: ReturnType<typeof formNotifications> =
		core.kind.takesNotices && !subscription.active
			? kept.map(({ resource, sequence }) => ({ resource, sequences: [sequence] }))
			: formNotifications(kept, blocked, { perNotification: delivery.batch }, room, open)
	const bySequence = new Map(eligible.map((candidate) => [candidate.sequence, candidate]))
	const keptBySequence = new Map(kept.map((event) => [event.sequence, event]))
	const assignment: Assignment = { assigned: new Map(), omitted: new Set(cancelled.flatMap((run) => run.sequences)) }
	const overrides = new Map<number, MemberOverrides>()
	const notifications: FormedNotification[] = []
	for (const { resource, sequences, into } of formed) {
		const reservedId = bySequence.get(sequences[0]!)?.reserved ?? null
		const id = into ?? reservedId ?? ++core.state.notification
		notifications.push({
			id,
			resource,
			sequences: [...sequences],
			reserved: reservedId !== null,
			isOpen: into !== undefined,
		})
		for (const sequence of sequences) {
			const coalesced = keptBySequence.get(sequence)!
			for (const mergedSequence of coalesced.sequences) assignment.assigned.set(mergedSequence, id)
			const { p: _previous, ...extra } = toMemberOverrides(coalesced, bySequence.get(sequence)!)
			overrides.set(sequence, extra)
		}
	}
	dropFiltered(eligible, matching, assignment)
	return { notifications, assignment, overrides }
}

/** Whether the filter lets an event pass. */
function isWanted(core: Core, event: Pick<NewEvent, 'resource' | 'record'> & { type: EventType }): boolean {
	return matchesFilter(core.config.delivery.filter, {
		eventType: event.type,
		resource: event.resource,
		record: event.record,
	})
}

function toCandidate({ event, lane }: PlacedEvent): Candidate {
	return {
		sequence: event.sequence,
		resource: event.resource,
		resourceNumber: event.resourceNumber,
		objectId: event.objectId,
		object: objectKey(String(event.resourceNumber), event.objectId),
		type: event.eventType,
		previousSequence: event.previousSequence,
		previousEvent: event.previousEvent,
		changedFields: event.changedFields,
		size: (event.record?.length ?? 0) + (event.variationRecords?.length ?? 0),
		hasVariations: event.variationRecords != null,
		record: event.record,
		reserved: null,
		lane,
		dismissed: false,
	}
}
