/** The rules of delivery, held against the storage after every call; a broken one throws. */
import assert from 'node:assert/strict'
import { formatEventId, parseNotificationId } from '../../../src/events/ids.ts'
import { parseMembers } from '../../../src/events/notification-members.ts'
import { getBacklog } from '../../../src/watcher/queries/deliveries.ts'
import { getNotificationStatuses } from '../../../src/watcher/queries/log-pages.ts'
import { getResends } from '../../../src/watcher/outbox/replays.ts'
import type { Claim, AttemptOutcome } from '../../../src/rpc/delivery.ts'
import type { NotificationStatus } from '../../../src/watcher/core/rows.ts'
import { CALLBACK_ID } from '../../../src/watcher/outbox/subscriptions.ts'
import {
	DAY_MS,
	UNDELIVERED_MS,
	INSTANCE,
	type FilterName,
	type RecordedEvent,
	type SubscriptionModel,
	type NotifiedEvent,
	type NotificationModel,
	type NotificationRow,
	MAX_CHECKED_UNSETTLED,
	FILTERS,
	type MachineState,
	toTag,
} from './delivery-machine-state.ts'

/** Holds the rules against the storage. */
export function checkInvariants(machine: MachineState): void {
	machine.callCount++
	const { delivery } = machine.config
	machine.filters = [...new Set([...machine.filters, machine.filter])]
	machine.coalesced ||= delivery.coalesce
	const before = machine.subscriptions
	checkSubscriptions(machine)
	const rows = machine.sql.all<NotificationRow>(
		`SELECT id, subscription, members, status, attempt, lease, settled, delivered, resend, due FROM notifications ORDER BY id`,
	)
	const items = new Map(
		machine.sql
			.all<{ notification: number; resend: number }>(`SELECT notification, resend FROM resend_items`)
			.map((item) => [item.notification, item.resend]),
	)
	const grown: NotificationModel[] = []
	for (const row of rows) {
		const known = machine.notifications.get(row.id)
		if (known === undefined)
			addNotification(machine, row, before.get(row.subscription) ?? machine.subscriptions.get(row.subscription)!)
		else {
			const added = addEvents(machine, known, row)
			if (added.length > 0)
				grown.push({ ...known, events: added, objects: added.map(({ event: fact }) => fact.object) })
		}
	}
	const waiting = checkEvents(machine)
	checkNotifications(machine, new Map(rows.map((row) => [row.id, row])), items)
	for (const notification of grown) checkNothingEarlierPending(machine, notification, items)
	checkUnsettled(machine, waiting, items)
	checkResends(machine, items)
	checkStatuses(machine)
	for (const { claim, admitted } of machine.claimsToCheck.splice(0)) checkClaim(machine, claim, admitted)
	const current = machine.core().config.delivery
	machine.filters = [
		...new Set([
			machine.filter,
			(Object.keys(FILTERS) as FilterName[]).find((name) => sameJson(FILTERS[name], current.filter))!,
		]),
	]
	machine.coalesced = delivery.coalesce || current.coalesce
	machine.batch = current.batch
}

function checkSubscriptions(machine: MachineState): void {
	const rows = machine.sql.all<{ id: number; topics: string | null }>(
		`SELECT id, topics FROM subscriptions ORDER BY id`,
	)
	const now = new Map<number, SubscriptionModel>()
	for (const { id, topics } of rows) {
		let subscription = machine.subscriptions.get(id)
		if (subscription === undefined) {
			subscription = {
				...{ id, topics: null, removed: false, pending: new Set(), follows: new Map(), received: new Set() },
				...{ gaps: new Set(), last: new Map(), folded: new Map() },
			}
			machine.allSubscriptions.push(subscription)
		}
		subscription.topics = topics === null ? null : (JSON.parse(topics) as string[])
		now.set(id, subscription)
	}
	for (const [id, subscription] of machine.subscriptions) if (now.get(id) !== subscription) subscription.removed = true
	machine.subscriptions = now
}

/** Before it is claimed for the first time, a notification takes further events: those that it took. */
function addEvents(machine: MachineState, notification: NotificationModel, row: NotificationRow): NotifiedEvent[] {
	const told = readEvents(machine, row).map(
		(one) => notification.events.find(({ event }) => event === one.event) ?? { ...one, addedAt: machine.callCount },
	)
	const sequences = told.map(({ event: fact }) => fact.sequence)
	const before = notification.events.map(({ event: fact }) => fact.sequence)
	if (sameJson(sequences, before)) return []
	assert(notification.attempt === 0 && row.attempt <= 1, 'what was claimed does not change')
	assert(
		before.every((sequence) => sequences.includes(sequence)),
		'no event leaves a notification',
	)
	// The configuration may have been read between.
	const batch = Math.max(machine.batch, machine.core().config.delivery.batch)
	assert(sequences.length <= batch, 'no more events than a notification may have')
	notification.events = told
	notification.objects = [...new Set(told.map(({ event: fact }) => fact.object))]
	machine.happened.add('grown')
	return told.filter(({ event: fact }) => !before.includes(fact.sequence))
}

function readEvents(machine: MachineState, row: NotificationRow): NotifiedEvent[] {
	const members = parseMembers(row.members)
	const said = members.map(([sequence, , , extra]): NotifiedEvent => {
		const fact = machine.events.get(sequence)
		assert(fact, 'a notification tells of something that was not recorded')
		const previousSequence = extra !== undefined && 'p' in extra ? extra.p! : fact.previousSequence
		return { event: fact, type: extra?.t ?? fact.type, previousSequence, coalesced: extra?.c ?? 1 }
	})
	assert.equal(
		new Set(said.map(({ event: fact }) => fact.resource)).size,
		1,
		'a notification has events of one resource',
	)
	assert.deepEqual(
		said.map(({ event: fact }) => fact.sequence),
		said.map(({ event: fact }) => fact.sequence).toSorted((a, b) => a - b),
	)
	return said
}

function addNotification(machine: MachineState, row: NotificationRow, subscription: SubscriptionModel): void {
	const said = readEvents(machine, row)
	machine.notifications.set(row.id, {
		...{ id: row.id, subscription, events: said, objects: [...new Set(said.map(({ event: fact }) => fact.object))] },
		...{
			unsettled: false,
			settled: null,
			status: 'new',
			attempt: 0,
			attemptsBefore: 0,
			delivered: false,
			inResend: false,
			abandoned: false,
		},
		...{ skippedAt: null, firstSentAt: null, leaseUntilMs: 0, body: null, erasures: 0, pruned: false },
	})
}

/** What became of each event for a subscription: it waits, it is in a notification, or there is a reason why it is not. */
function checkEvents(machine: MachineState): Map<number, Set<number>> {
	const waiting = new Map<number, Set<number>>()
	for (const { subscription, sequence } of machine.sql.all<{ subscription: number; sequence: number }>(
		`SELECT subscription, sequence FROM waiting`,
	)) {
		const model = machine.subscriptions.get(subscription)
		assert(model?.pending.has(sequence), 'what waits was recorded for this subscription, and is in no notification')
		waiting.set(subscription, (waiting.get(subscription) ?? new Set()).add(sequence))
	}
	for (const subscription of machine.subscriptions.values()) {
		const decided = [...subscription.pending]
			.filter((sequence) => waiting.get(subscription.id)?.has(sequence) !== true)
			.sort((a, b) => a - b)
		if (decided.length > 0) checkDecided(machine, subscription, decided)
	}
	return waiting
}

function checkDecided(machine: MachineState, subscription: SubscriptionModel, decided: readonly number[]): void {
	const log = new Map(
		machine.sql
			.all<{ sequence: number; notifications: string | null }>(
				`SELECT sequence, notifications FROM events WHERE sequence IN (SELECT value FROM json_each(?))`,
				JSON.stringify(decided),
			)
			.map((row) => [row.sequence, JSON.parse(row.notifications ?? '[]') as number[]]),
	)
	const leftOut = new Map<string, RecordedEvent[]>()
	const merged = new Map<number, number>()
	for (const sequence of decided) {
		subscription.pending.delete(sequence)
		const fact = machine.events.get(sequence)!
		const { object, objectSequence } = fact
		subscription.last.set(object, fact)
		const follows = subscription.follows.get(object) ?? [null]
		const carriers = log.get(sequence)
		const wanted = machine.filters.filter((name) => filterAccepts(name, fact))
		if (carriers === undefined) {
			assert(
				machine.nowMs - fact.recordedMs >= UNDELIVERED_MS ||
					wanted.length < machine.filters.length ||
					machine.coalesced,
				'dropped before its time',
			)
			subscription.gaps.add(object)
			subscription.follows.set(
				object,
				wanted.length === machine.filters.length && !machine.coalesced
					? [objectSequence]
					: [...follows, objectSequence],
			)
			continue
		}
		const notifications = carriers
			.map((id) => machine.notifications.get(id))
			.filter((notification) => notification?.subscription === subscription)
		assert(notifications.length <= 1, 'a subscription gets an event in one notification')
		const said = notifications[0]?.events.find((notified) => notified.event === fact)
		if (said !== undefined) {
			assert(wanted.length > 0, 'a filtered event is in no notification')
			assert(
				follows.includes(said.previousSequence),
				`previousSequence ${said.previousSequence}, expected ${JSON.stringify(follows)}`,
			)
			assert.equal(said.coalesced, 1 + (merged.get(notifications[0]!.id * 1e6 + hashText(object)) ?? 0))
			subscription.follows.set(object, [objectSequence])
		} else if (notifications[0] !== undefined) {
			assert(machine.coalesced, 'only coalescing merges')
			const key = notifications[0].id * 1e6 + hashText(object)
			merged.set(key, (merged.get(key) ?? 0) + 1)
			machine.happened.add('coalesced')
		} else if (wanted.length < machine.filters.length) {
			machine.happened.add('filtered')
			subscription.gaps.add(object)
		} else leftOut.set(object, [...(leftOut.get(object) ?? []), fact])
	}
	for (const [object, run] of leftOut) {
		machine.happened.add('cancelled out')
		assert(
			machine.coalesced,
			`nothing but a filter and coalescing leaves out events: ${run.map((event) => event.sequence).join()} of ${object}`,
		)
		if (machine.filters.length === 1) assert.deepEqual([run[0]!.type, run.at(-1)!.type], ['CREATED', 'DELETED'])
	}
}

function checkNotifications(
	machine: MachineState,
	rows: ReadonlyMap<number, NotificationRow>,
	items: ReadonlyMap<number, number>,
): void {
	const active = machine.active()
	const started: NotificationModel[] = []
	for (const notification of machine.notifications.values()) {
		if (notification.pruned) continue
		const row = rows.get(notification.id)
		if (row === undefined) {
			notification.pruned = true
			const youngest = notification.events.at(-1)!.event.recordedMs
			// What was meant for a subscription that is no more was dropped in the same call, and is settled.
			const undelivered =
				!notification.subscription.removed &&
				(notification.unsettled || notification.inResend || notification.status === 'queued')
			assert(
				machine.nowMs - youngest >= (undelivered ? UNDELIVERED_MS : 7 * DAY_MS),
				`pruned before its time: ${notification.id} ${notification.status}`,
			)
			if (undelivered) {
				machine.happened.add('expired')
				for (const object of notification.objects) notification.subscription.gaps.add(object)
			} else machine.happened.add('pruned')
			continue
		}
		const unsettled = row.settled === null
		const delivered = row.delivered !== null || row.status === 'delivered'
		assert(!notification.delivered || delivered, 'delivered is final')
		assert.equal(
			unsettled,
			['waiting', 'claimed', 'retry'].includes(row.status),
			'its status says whether it is settled',
		)
		if (unsettled && !notification.unsettled) {
			started.push(notification)
			if (notification.subscription.removed) {
				// A replay of an earlier callback's notification goes to the current callback.
				notification.subscription = machine.subscriptions.get(row.subscription)!
				notification.skippedAt = 0
			}
			notification.firstSentAt ??= machine.callCount
			notification.attemptsBefore = notification.attempt
			notification.leaseUntilMs = 0
			notification.abandoned = false
		}
		if (!unsettled && row.status === 'queued' && !delivered && notification.status !== 'queued') {
			notification.skippedAt ??= machine.callCount
			if (notification.unsettled && active.has(row.subscription) && !notification.abandoned)
				checkGivenUp(machine, notification, row)
		}
		if (!unsettled && row.status === 'dropped') assert(notification.subscription.removed)
		if (row.lease === null) notification.leaseUntilMs = 0
		notification.unsettled = unsettled
		notification.settled = row.settled
		notification.status = row.status
		notification.attempt = row.attempt
		notification.delivered = delivered
		notification.inResend = items.has(notification.id)
		if (row.status === 'queued' && active.has(row.subscription) && !notification.inResend)
			assert(notification.abandoned, 'what is queued for an active subscription has had its tries, or was cancelled')
	}
	for (const notification of started) checkNothingEarlierPending(machine, notification, items)
}

/** It ended by its last try: the schedule is used up, or the policy or the answer ended it. */
function checkGivenUp(machine: MachineState, notification: NotificationModel, row: NotificationRow): void {
	const attempts = machine.sql.all<{ outcome: string }>(
		`SELECT outcome FROM attempts WHERE notification = ? AND number = ? UNION ALL SELECT outcome FROM notifications WHERE id = ? AND attempt = 1`,
		notification.id,
		row.attempt,
		notification.id,
	)
	const outcome = JSON.parse(attempts[0]!.outcome) as AttemptOutcome
	assert(
		isLastAttempt(machine, notification, row.attempt, outcome),
		`given up after ${row.attempt - notification.attemptsBefore} tries: ${JSON.stringify(outcome)}`,
	)
	notification.abandoned = true
	machine.happened.add('dead')
}

/** Whether a failure was the last try. */
export function isLastAttempt(
	machine: MachineState,
	notification: NotificationModel,
	attempt: number,
	outcome: AttemptOutcome,
): boolean {
	const { failurePolicy, schedule } = machine.core().config.delivery
	return (
		outcome.directive === 'abort' ||
		outcome.directive === 'disable' ||
		(outcome.status === 410 && outcome.directive !== 'retry') ||
		(failurePolicy === 'queue' && outcome.directive !== 'retry') ||
		attempt - notification.attemptsBefore > schedule.length
	)
}

/** Nothing of its objects that comes before it is still to be sent. */
function checkNothingEarlierPending(
	machine: MachineState,
	notification: NotificationModel,
	items: ReadonlyMap<number, number>,
): void {
	const { subscription } = notification
	for (const { event: fact } of notification.events)
		for (const sequence of subscription.pending)
			assert(
				machine.events.get(sequence)!.object !== fact.object || sequence > fact.sequence,
				'an event that waits is overtaken by a later one of its object',
			)
	for (const id of items.keys()) {
		const other = machine.notifications.get(id)!
		if (other.id === notification.id || other.subscription !== subscription || other.pruned) continue
		const shared = other.objects.some((object) => notification.objects.includes(object))
		assert(!shared || (items.has(notification.id) && other.id > notification.id), 'what is sent again is overtaken')
	}
}

function checkUnsettled(
	machine: MachineState,
	waiting: ReadonlyMap<number, Set<number>>,
	items: ReadonlyMap<number, number>,
): void {
	const stored = (
		JSON.parse(machine.sql.all<{ body: string }>(`SELECT body FROM state`)[0]!.body) as { unsettled: number[] }
	).unsettled
	const core = machine.core()
	const active = machine.active()
	for (const subscription of machine.subscriptions.values()) {
		const own = [...machine.notifications.values()].filter(
			(notification) => notification.subscription === subscription && notification.unsettled && !notification.pruned,
		)
		assert(own.length <= 100, 'at most 100 are unsettled')
		if (own.length === 100) machine.happened.add('full')
		const busy = new Set<string>()
		for (const notification of own) {
			assert(active.has(subscription.id), 'a subscription that takes nothing has nothing unsettled')
			assert(
				stored.includes(notification.id) && core.state.unsettled.includes(notification.id),
				`${notification.id} is unsettled and on no list`,
			)
			for (const object of notification.objects) {
				assert(!busy.has(object), 'two unsettled notifications of a subscription hold one object')
				busy.add(object)
			}
		}
		if (subscription.id === 1) checkBacklog(machine, subscription, own, waiting.get(1)?.size ?? 0, active.has(1))
		if (!active.has(subscription.id)) continue
		// Nothing waits without a reason.
		for (const [id] of [...items].toSorted(([a], [b]) => a - b)) {
			const notification = machine.notifications.get(id)!
			if (notification.subscription !== subscription || notification.unsettled) continue
			assert(
				own.length >= MAX_CHECKED_UNSETTLED || notification.objects.some((object) => busy.has(object)),
				`${id} is to be sent again, and nothing holds it back`,
			)
			for (const object of notification.objects) busy.add(object)
		}
		for (const sequence of waiting.get(subscription.id) ?? [])
			assert(
				own.length >= MAX_CHECKED_UNSETTLED || busy.has(machine.events.get(sequence)!.object),
				`event ${sequence} waits for nothing`,
			)
	}
}

/** Every report of a notification's status agrees with its row. */
function checkStatuses(machine: MachineState): void {
	const rows = machine.sql.all<NotificationStatus>(
		`SELECT id, status, created, updated, delivered FROM notifications ORDER BY id`,
	)
	const read = getNotificationStatuses(
		machine.core(),
		rows.map(({ id }) => id),
	)
	for (const row of rows) {
		const { id, status, created, updated, delivered } = read.get(row.id)!
		assert.deepEqual({ id, status, created, updated, delivered }, { ...row })
	}
}

function checkBacklog(
	machine: MachineState,
	subscription: SubscriptionModel,
	unsettled: readonly NotificationModel[],
	waiting: number,
	active: boolean,
): void {
	const queued = active
		? []
		: [...machine.notifications.values()].filter(
				(notification) =>
					notification.subscription === subscription && notification.status === 'queued' && !notification.pruned,
			)
	const expected = [...unsettled, ...queued].reduce((sum, notification) => sum + notification.events.length, waiting)
	assert.equal(subscription.pending.size, waiting)
	assert.equal(getBacklog(machine.core(), CALLBACK_ID).events, expected)
}

function checkResends(machine: MachineState, items: ReadonlyMap<number, number>): void {
	const core = machine.core()
	const leftByResend = Map.groupBy(items, ([, resend]) => resend)
	const reports = getResends(core)
	for (const report of reports) {
		const own = leftByResend.get(report.id!)?.length ?? 0
		assert.equal(report.left, own)
		assert.equal(report.status === 'running', own > 0, `resend ${report.id} is ${report.status} with ${own} left`)
	}
	assert.equal(core.state.resending, reports.filter((report) => report.status === 'running').length)
	for (const [id, resend] of items) {
		const notification = machine.notifications.get(id)
		assert(notification !== undefined && !notification.pruned, 'what is to be sent again is kept')
		const row = machine.notificationRow(id)!
		assert(row.settled !== null || row.resend === resend, 'on the wire for another resend than its list says')
	}
}

function checkClaim(machine: MachineState, claim: Claim, admitted: boolean): void {
	const notification = machine.notifications.get(parseNotificationId(claim.notificationId)!.counter)!
	assert(
		machine.active().has(claim.subscription) &&
			notification.subscription === machine.subscriptions.get(claim.subscription),
		'claimed for nobody',
	)
	assert(!machine.core().state.paused)
	assert(claim.attempt > (machine.heldClaims.find((held) => held.notification === notification)?.claim.attempt ?? 0))
	assert(notification.leaseUntilMs <= machine.nowMs, 'claimed twice at a time')
	if (!admitted) assert(!claim.guarded && machine.core().config.delivery.rate === null, 'claimed without asking')
	notification.leaseUntilMs = claim.leaseUntilMs
	const erasures = notification.events.filter(({ event: fact }) => fact.erased).length
	assert(
		notification.body === null || notification.body === claim.body || notification.erasures < erasures,
		`other bytes than before: ${notification.body} ${claim.body}`,
	)
	notification.body = claim.body
	notification.erasures = erasures
	machine.heldClaims.push({ notification, claim, outcome: null })
}

export function receive(machine: MachineState, claim: Claim, notification: NotificationModel): void {
	const { message } = JSON.parse(claim.body) as {
		message: {
			raw: Record<string, { erased?: true }[]>
			events: {
				eventId: string
				eventType: string
				objectType: string
				objectId: string
				objectSequence: number
				previousSequence?: number
				coalesced?: number
				recordUrl?: string
			}[]
		}
	}
	const { subscription } = notification
	assert.equal(message.events.length, notification.events.length)
	message.events.forEach((event, index) => {
		const notified = notification.events[index]!
		const { event: fact, type, previousSequence, coalesced } = notified
		const { objectId, objectType, objectSequence, eventId, eventType } = event
		assert.deepEqual(
			{
				objectId,
				objectType,
				objectSequence,
				eventId,
				eventType,
				previousSequence: event.previousSequence ?? null,
				coalesced: event.coalesced ?? 1,
			},
			{
				...{ objectId: String(fact.objectId), objectType: fact.resource, objectSequence: fact.objectSequence },
				...{
					eventId: formatEventId(INSTANCE, fact.sequence, toTag(fact.sequence)),
					eventType: type,
					previousSequence,
					coalesced,
				},
			},
		)
		const record = message.raw[objectType]![index]!
		if (event.recordUrl === undefined && record.erased !== true)
			assert.deepEqual(record, JSON.parse(fact.record), 'a record that nobody had')
		if (subscription.received.has(fact.sequence)) {
			machine.happened.add('repeat')
			return
		}
		// A first arrival. What came before it and has not arrived gave way before machine was sent.
		for (const other of machine.notifications.values()) {
			if (other === notification || other.subscription !== subscription || !other.objects.includes(fact.object))
				continue
			for (const earlier of other.events) {
				if (earlier.event.object !== fact.object) continue
				const arrived = subscription.received.has(earlier.event.sequence)
				if (earlier.event.objectSequence > fact.objectSequence && arrived) {
					machine.happened.add('released late')
					assert(
						notification.skippedAt !== null && notification.skippedAt <= getSentAt(other, earlier),
						'out of order, and not since its tries had ended',
					)
				} else if (earlier.event.objectSequence < fact.objectSequence && !arrived && !other.pruned)
					assert(
						other.skippedAt !== null && other.skippedAt <= getSentAt(notification, notified),
						'out of order: an earlier event has not arrived',
					)
			}
		}
		subscription.received.add(fact.sequence)
		const folded = subscription.folded.get(fact.object)
		if (folded === undefined || folded.objectSequence < objectSequence)
			subscription.folded.set(fact.object, { objectSequence, type })
	})
}

/** When an event was first on the wire: number of the call. */
function getSentAt({ firstSentAt }: NotificationModel, { addedAt }: NotifiedEvent): number {
	return Math.max(firstSentAt!, addedAt ?? 0)
}

export function isQuiet(machine: MachineState): boolean {
	const { state } = machine.core()
	const waiting = [...machine.subscriptions.values()].some((subscription) => subscription.pending.size > 0)
	return (
		!waiting &&
		state.resending === 0 &&
		![...machine.notifications.values()].some((notification) => notification.unsettled && !notification.pruned)
	)
}

export function describeStranded(machine: MachineState): string {
	const listeners = [...machine.subscriptions.values()].map(({ id, pending }) => ({ id, pending: [...pending] }))
	return JSON.stringify({
		listeners,
		subscriptions: machine.sql.all(`SELECT * FROM subscriptions`),
		rows: machine.sql.all(`SELECT * FROM notifications WHERE settled IS NULL`),
	})
}

/** When it is quiet: everything that was sent has arrived, and what arrived folds to the current state. */
export function checkFinalState(machine: MachineState): void {
	for (const notification of machine.notifications.values()) {
		if (notification.pruned || notification.subscription.removed) continue
		assert.equal(notification.status, 'delivered', `notification ${notification.id} is ${notification.status}`)
		for (const { event: fact } of notification.events)
			assert(notification.subscription.received.has(fact.sequence), `event ${fact.sequence} never arrived`)
	}
	for (const { folded, last, gaps } of machine.subscriptions.values())
		for (const [object, fact] of last) {
			if (gaps.has(object)) continue
			const lastDelivered = folded.get(object)
			const alive = lastDelivered !== undefined && lastDelivered.type !== 'DELETED'
			assert.equal(alive, fact.type !== 'DELETED', `folded, ${object} is ${alive ? 'there' : 'gone'}`)
			if (alive) assert.equal(lastDelivered.objectSequence, fact.objectSequence)
		}
}

function hashText(text: string): number {
	let sum = 0
	for (const char of text) sum = (sum * 31 + char.codePointAt(0)!) % 999_983
	return sum
}

function sameJson(one: unknown, other: unknown): boolean {
	return JSON.stringify(one) === JSON.stringify(other)
}

/** Said once more, in other words than the source's. */
function filterAccepts(filter: FilterName, fact: RecordedEvent): boolean {
	if (filter === 'types') return fact.type !== 'DELETED'
	if (filter === 'resource') return fact.resource === 'products'
	if (filter === 'where') return fact.type === 'DELETED' || fact.erased || fact.objectSequence % 2 === 0
	return true
}
