/** Changes and deliveries of the last 24 hours, for the status row: in the state row, which is written anyway. */
import { addActivity, type ActivityStep } from '../../events/activity.ts'
import type { Core } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import type { NewEvent } from './event-log.ts'

/** The columns of an event that a delivery is counted by. */
export interface DeliveredEvent {
	/** 0: it belongs to no resource, as a test event. */
	resource: number
	date: number
	recorded: number
	/** From the change's date to its recording, ms; null: unknown, -1: recorded by a version that did not store it. */
	lag: number | null
}

/** Counts changes that are recorded now. */
export function countChanges(_tx: Tx, core: Core, events: readonly NewEvent[]): void {
	for (const { eventType } of events) count(core, { kind: eventType }, core.ports.now())
}

/** Counts a notification that was accepted for the first time at `atMs`. */
export function countNotification(_tx: Tx, core: Core, atMs: number): void {
	count(core, { notifications: 1 }, atMs)
}

/** Counts a change that was accepted for the first time at `atMs`, and how long that was after it. */
export function countDelivered(_tx: Tx, core: Core, event: DeliveredEvent, atMs: number): void {
	if (event.resource <= 0) return
	const toRecordingMs = event.lag === -1 ? Math.max(0, event.recorded - event.date) : event.lag
	const lagMs = toRecordingMs === null ? null : toRecordingMs + Math.max(0, atMs - event.recorded)
	count(core, { delivered: 1, lagMs }, atMs)
}

function count(core: Core, step: ActivityStep, atMs: number): void {
	core.state.activity = addActivity(core.state.activity, step, atMs, core.ports.now())
}
