/** What a step does to a machine. */
import assert from 'node:assert/strict'
import type { EventType } from '../../../src/events/event.ts'
import { objectKey } from '../../../src/events/batching.ts'
import { releaseSubscriptions } from '../../../src/watcher/outbox/commands.ts'
import { Engine } from '../../../src/watcher/engine.ts'
import { eraseObjectContent } from '../../../src/watcher/log/erasure.ts'
import type { NewEvent } from '../../../src/watcher/log/event-log.ts'
import { appendEvents } from '../../../src/watcher/outbox/forming.ts'
import { cancelResend, runReplay, getResends } from '../../../src/watcher/outbox/replays.ts'
import type { Admission, Claim, ReplayQuery } from '../../../src/rpc/delivery.ts'
import type { Tx } from '../../../src/watcher/core/tx.ts'
import type { OrUnknown } from '../../../src/rpc/known.ts'
import {
	SECOND_MS,
	UNDELIVERED_MS,
	type MachineAnswer,
	type ConfigChange,
	type MachineStep,
	type RecordedEvent,
	type HeldClaim,
	MAX_POSTS_WHEN_QUIETING,
	Crash,
	WAITING_OF_ACTIVE,
	OBJECTS,
	URLS,
	FILTERS,
	type MachineState,
	toTag,
} from './delivery-machine-state.ts'
import { checkInvariants, isLastAttempt, receive } from './delivery-machine-checks.ts'

export async function runStep(machine: MachineState, step: MachineStep): Promise<void> {
	switch (step.kind) {
		case 'record':
			return record(
				machine,
				step.changes.map(({ object, op }) => ({ object: OBJECTS[object % OBJECTS.length]!, op })),
				step.fails ?? false,
			)
		case 'burst':
			return record(
				machine,
				Array.from({ length: 110 }, (_, index) => ({
					object: { id: 1000 + index, resource: 'products', number: 1 },
					op: 'edit' as const,
				})),
				false,
			)
		case 'doorbell':
			if (machine.doorbells === 0) return
			machine.doorbells--
			machine.happened.add(`doorbell ${step.as}`)
			if (step.as !== 'lost') await claim(machine, step.limit)
			if (step.as === 'double') await checkThen(machine, () => claim(machine, step.limit))
			return
		case 'admit':
			return admit(machine, step)
		case 'park': {
			const id = [...machine.subscriptions.keys()][step.subscription % Math.max(1, machine.subscriptions.size)]
			if (id !== undefined) assertKnown(await machine.engine.park(id, machine.nowMs + step.ms))
			return
		}
		case 'post': {
			if (!machine.heldClaims.some((held) => held.outcome === null)) await checkThen(machine, () => claim(machine, 2))
			checkInvariants(machine)
			const flights = machine.heldClaims.filter((held) => held.outcome === null)
			const flight = flights[step.flight % Math.max(1, flights.length)]
			if (flight === undefined) return
			post(machine, flight, step.answer)
			if (step.settle === 'now' && flight.outcome !== null) await settle(machine, flight, step.more)
			return
		}
		case 'settle': {
			const flights = step.again ? machine.lastSettled : machine.heldClaims.filter((held) => held.outcome !== null)
			const flight = flights[step.flight % Math.max(1, flights.length)]
			if (flight === undefined) return
			machine.happened.add(step.again ? 'settled again' : 'settled late')
			return settle(machine, flight, step.more)
		}
		case 'consumer-dies':
			machine.heldClaims.splice(step.flight % Math.max(1, machine.heldClaims.length), 1)
			return
		case 'deliver':
			return deliver(machine, step.answer, step.most)
		case 'time':
		case 'age':
			machine.nowMs += step.ms
			for (let alarms = 0; alarms < 3 && machine.alarmMs !== null && machine.alarmMs <= machine.nowMs; alarms++) {
				machine.alarmMs = null
				await machine.engine.runSlice()
				if (machine.crashed) {
					// The platform rings again.
					machine.alarmMs = machine.nowMs + 2 * SECOND_MS
					return
				}
			}
			return
		case 'keep':
			machine.core().commit(() => undefined)
			return
		case 'evict':
			machine.engine = new Engine(machine.ports())
			return
		case 'erase': {
			const { id, resource } = OBJECTS[step.object % OBJECTS.length]!
			try {
				eraseObjectContent(machine.core(), resource, String(id))
			} finally {
				for (const { sequence } of machine.sql.all<{ sequence: number }>(
					`SELECT sequence FROM events WHERE record IS NULL`,
				)) {
					const event = machine.events.get(sequence)!
					assert(event.erased || (event.resource === resource && event.objectId === id), 'what was not to be erased is')
					event.erased = true
				}
			}
			return
		}
		case 'configure':
			return configure(machine, step.change, step.refresh, step.release)
		case 'release':
			return runAndRingIfDue(machine, () => {
				const { callbackUrl, others } = machine.core().config
				const urls = [callbackUrl, ...others.map((subscription) => subscription.url)].filter((url) => url !== null)
				const url = step.subscription === null ? undefined : urls[step.subscription % Math.max(1, urls.length)]
				releaseSubscriptions(machine.core(), url === undefined ? {} : { url })
			})
		case 'replay':
			return runAndRingIfDue(machine, () => replay(machine, step.which, step.position))
		case 'cancel':
			return runAndRingIfDue(machine, () => {
				const running = getResends(machine.core()).filter((resend) => resend.status === 'running')
				const id = running[step.position % Math.max(1, running.length)]?.id
				if (id === undefined || id === null) return
				machine.happened.add('cancelled')
				for (const { notification } of machine.sql.all<{ notification: number }>(
					`SELECT notification FROM resend_items WHERE resend = ?`,
					id,
				))
					machine.notifications.get(notification)!.abandoned = true
				const cancelled = cancelResend(machine.core(), id)
				assert.deepEqual([cancelled?.status, cancelled?.left], ['cancelled', 0])
			})
	}
}

async function record(
	machine: MachineState,
	changes: { object: (typeof OBJECTS)[number]; op: 'edit' | 'delete' | 'replace' }[],
	fails: boolean,
): Promise<void> {
	const core = machine.core()
	const facts: RecordedEvent[] = []
	const subscriptions = [...machine.subscriptions.values()]
	const living = structuredClone(machine.objects)
	const body = (tx: Tx): void => {
		const events: NewEvent[] = []
		for (const { object, op } of changes) {
			const key = objectKey(String(object.number), object.id)
			const row = living.get(key) ?? { sequence: 0, lastEvent: null, live: false }
			living.set(key, row)
			const types: EventType[] = !row.live
				? ['CREATED']
				: op === 'edit'
					? ['UPDATED']
					: op === 'delete'
						? ['DELETED']
						: ['DELETED', 'CREATED']
			for (const type of types) events.push(newEvent(machine, object, key, row, type, facts))
		}
		appendEvents(tx, core, events)
		core.doorbellRequested = true
		if (fails) throw new Crash()
	}
	try {
		core.commit(body)
	} catch (error) {
		if (!(error instanceof Crash)) throw error
	}
	const last = facts.at(-1)!.sequence
	if (machine.sql.all(`SELECT sequence FROM events WHERE sequence = ?`, last).length > 0 && !machine.events.has(last)) {
		for (const [key, row] of living) machine.objects.set(key, row)
		for (const event of facts) {
			machine.events.set(event.sequence, event)
			for (const subscription of subscriptions)
				if (subscription.topics === null || subscription.topics.includes(event.resource))
					subscription.pending.add(event.sequence)
		}
	}
	if (machine.crashed || fails) return
	await machine.engine.sendDueDoorbell(core)
	machine.engine.updateAlarm(core)
}

function newEvent(
	machine: MachineState,
	object: (typeof OBJECTS)[number],
	key: string,
	row: { sequence: number; lastEvent: number | null; live: boolean },
	type: EventType,
	facts: RecordedEvent[],
): NewEvent {
	const { state } = machine.core()
	const sequence = ++state.sequence
	const { id, resource, number } = object
	const previousSequence = row.sequence === 0 ? null : row.sequence
	const previousEvent = row.lastEvent
	row.sequence++
	row.lastEvent = sequence
	row.live = type !== 'DELETED'
	const record =
		type === 'DELETED'
			? JSON.stringify({ id })
			: JSON.stringify({ id, version: row.sequence, parity: row.sequence % 2 === 0 ? 'even' : 'odd' })
	const objectSequence = row.sequence
	const fact = { sequence, object: key, objectId: id, resource, type, objectSequence, previousSequence, record }
	facts.push({ ...fact, recordedMs: machine.nowMs, erased: false })
	return {
		...{
			sequence,
			tag: toTag(sequence),
			resourceNumber: number,
			resource,
			objectId: id,
			objectSequence,
			previousSequence,
			previousEvent,
			lagMs: 0,
		},
		...{ eventType: type, dateMs: machine.nowMs, pollDateMs: machine.nowMs, source: 'poll', flags: {}, record },
		changedFields: type === 'UPDATED' ? ['version'] : null,
	}
}

async function claim(machine: MachineState, limit: number, admission?: Admission): Promise<boolean> {
	const { claims, asks, more } = assertKnown(await machine.engine.claim(limit, admission))
	if (admission === undefined) machine.admissionRequests = asks
	queueClaimChecks(machine, claims, admission !== undefined)
	assert(claims.length <= Math.min(limit, admission?.permits ?? limit))
	return more && claims.length > 0
}

function queueClaimChecks(machine: MachineState, claims: readonly Claim[], admitted: boolean): void {
	machine.claimsToCheck.push(...claims.map((claim) => ({ claim, admitted })))
}

async function admit(machine: MachineState, step: { permits: number; closed: boolean; probe: boolean }): Promise<void> {
	if (machine.admissionRequests.length === 0) await checkThen(machine, () => claim(machine, 0))
	const request = machine.admissionRequests.shift()
	if (request === undefined) return
	const only = step.probe ? request.oldest.notificationId : null
	await claim(machine, 6, {
		subscription: request.subscription,
		permits: step.probe ? 1 : step.permits,
		closed: step.closed && !step.probe,
		only,
	})
	machine.happened.add(step.probe ? 'probed' : 'admitted')
}

/** A POST: before its lease ends, or not at all. */
function post(machine: MachineState, flight: HeldClaim, answer: MachineAnswer): void {
	const { claim, notification } = flight
	if (machine.nowMs >= claim.leaseUntilMs) {
		machine.heldClaims = machine.heldClaims.filter((held) => held !== flight)
		return
	}
	if (answer === 'ok' || answer === 'lost') receive(machine, claim, notification)
	machine.happened.add(`answer ${answer}`)
	const status =
		{ ok: 204, abort: 404, disable: 500, retry: 410 }[answer as string] ?? (typeof answer === 'number' ? answer : null)
	flight.outcome = {
		delivered: answer === 'ok',
		status,
		error: status === null ? 'timeout' : null,
		retryAfterMs: null,
		durationMs: 20,
		startedMs: machine.nowMs,
		body: '',
		directive: answer === 'abort' || answer === 'disable' || answer === 'retry' ? answer : null,
	}
}

async function settle(machine: MachineState, flight: HeldClaim, more: boolean): Promise<void> {
	const { claim, notification } = flight
	const outcome = flight.outcome!
	const before = machine.notificationRow(notification.id)
	const counts = before !== undefined && before.status === 'claimed' && before.attempt === claim.attempt
	const waitingBefore = machine.sql.all(WAITING_OF_ACTIVE)
	const { next, retryAtMs } = assertKnown(
		// What is claimed next would hide what an old attempt changes.
		await machine.engine.settle(notification.id, claim.attempt, outcome, more && (outcome.delivered || counts)),
	)
	if (counts) notification.leaseUntilMs = 0
	machine.heldClaims = machine.heldClaims.filter((one) => one !== flight)
	if (!machine.lastSettled.includes(flight)) machine.lastSettled = [...machine.lastSettled.slice(-5), flight]
	const after = machine.notificationRow(notification.id)
	if (!outcome.delivered && !counts) {
		// Of an old attempt only the answer's own wish is heard.
		assert.equal(retryAtMs, before?.status === 'retry' && before.attempt === claim.attempt ? before.due : null)
		if (outcome.directive !== 'disable') {
			assert.deepEqual(after, before, 'a failure of an old attempt changed something')
			assert.deepEqual(machine.sql.all(WAITING_OF_ACTIVE), waitingBefore)
		}
	}
	if (counts && !outcome.delivered && !notification.abandoned)
		assert.equal(
			retryAtMs === null,
			isLastAttempt(machine, notification, claim.attempt, outcome),
			`tried again: ${retryAtMs}, ${JSON.stringify(outcome)}`,
		)
	if (before !== undefined && outcome.delivered)
		assert(
			after!.status === 'delivered' || after!.delivered !== null,
			'delivered is a fact, from any attempt, at any time',
		)
	queueClaimChecks(machine, next, false)
}

/** A consumer that claims, posts and settles until there is no more. */
async function deliver(machine: MachineState, answer: MachineAnswer, most: number): Promise<void> {
	let posts = 0
	for (let rounds = 0; rounds < 100 && posts < most; rounds++) {
		if (machine.doorbells > 0) machine.doorbells--
		const more = await claim(machine, 6)
		await checkThen(machine, async () => undefined)
		for (;;) {
			const flight = machine.heldClaims.find((held) => held.outcome === null)
			if (flight === undefined) break
			posts++
			post(machine, flight, answer)
			if (flight.outcome === null) continue
			await settle(machine, flight, false)
			if (most < MAX_POSTS_WHEN_QUIETING) checkInvariants(machine)
		}
		if (!more) return
	}
}

async function configure(
	machine: MachineState,
	change: ConfigChange,
	refresh: boolean,
	release: boolean,
): Promise<void> {
	const { config } = machine
	if (change.filter !== undefined) machine.filter = change.filter
	machine.config = {
		...config,
		version: config.version + 1,
		delivery: { ...config.delivery, ...change.delivery, filter: FILTERS[machine.filter] },
		enabled: change.enabled ?? config.enabled,
		callbackUrl:
			change.callback === undefined ? config.callbackUrl : change.callback === 'none' ? null : URLS[change.callback],
		others:
			change.others === undefined
				? config.others
				: change.others.map((topics) => ({
						number: topics === 'all' ? 10 : 20,
						url: `https://${topics}.example.com/`,
						topics: topics === 'all' ? null : ['products'],
					})),
	}
	if (!refresh) return
	const core = machine.core()
	await machine.engine.refreshConfig(core, { release })
	if (machine.crashed) return
	await machine.engine.sendDueDoorbell(core)
	machine.engine.updateAlarm(core)
}

async function runAndRingIfDue(machine: MachineState, body: () => void): Promise<void> {
	const core = machine.core()
	body()
	await machine.engine.sendDueDoorbell(core)
	machine.engine.updateAlarm(core)
}

function replay(machine: MachineState, which: 'one' | 'failed' | 'filter' | 'dry-run', position: number): void {
	const core = machine.core()
	const ids = [...machine.notifications.values()]
		.filter((notification) => !notification.unsettled && !notification.pruned)
		.map((notification) => notification.id)
	const query: ReplayQuery =
		which === 'failed'
			? { failedSinceMs: machine.nowMs - UNDELIVERED_MS }
			: which === 'one'
				? { notification: ids[position % Math.max(1, ids.length)] ?? 1 }
				: { events: position % 2 === 0 ? { objectId: String(OBJECTS[position % OBJECTS.length]!.id) } : {} }
	const expected = runReplay(core, query, true)
	assert(!expected.ok || (expected.report.id === null && expected.report.left === expected.report.total))
	if (which === 'dry-run') return
	const started = runReplay(core, query, false)
	if (!started.ok) assert(core.state.resending >= 10)
	else if (started.report.total > 0) machine.happened.add(`replayed ${which}`)
}

/** A further call within a step. */
async function checkThen(machine: MachineState, body: () => Promise<unknown>): Promise<void> {
	checkInvariants(machine)
	await body()
}

function assertKnown<T>(answer: OrUnknown<T>): T {
	assert(answer !== 'unknown')
	return answer
}
