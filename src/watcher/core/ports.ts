/**
 * The watcher's external dependencies: a database, a clock, an alarm, a queue, a store. The Durable Object provides
 * Cloudflare's; tests provide an in-memory SQLite and a virtual clock, so that every decision runs in plain Node.
 */
import type { Element } from '../../elements/element.ts'
import type { Notice } from '../../rpc/delivery.ts'
import type { StatusReport } from '../../rpc/watcher.ts'
import type { ObjectRef } from '../../lib/incarnation.ts'
import type { LoadedConfig, WatcherConfig } from '../../rpc/config.ts'
import type { StoreClient } from '../../elements/store.ts'

/** A value that SQLite stores. */
export type SqlValue = string | number | null | ArrayBuffer

/** Synchronous SQL, as a Durable Object's storage has it. */
export interface Sql {
	/** All rows of a statement. */
	all<Row extends object>(query: string, ...values: SqlValue[]): Row[]
	/** Rows one by one, for results too large to hold. */
	each<Row extends object>(query: string, ...values: SqlValue[]): Iterable<Row>
	/** Runs a statement for its effect. */
	run(query: string, ...values: SqlValue[]): void
	/** Runs a function in a transaction; an exception rolls it back. */
	transaction<T>(body: () => T): T
}

/** External dependencies of a watcher. */
export interface Ports {
	sql: Sql
	/** Epoch ms. */
	now(): number
	/** Waits in memory. Anything that must happen needs the alarm too. */
	sleep(ms: number): Promise<void>
	/** 0 ≤ x < 1. */
	random(): number
	/** Sets the one alarm; null deletes it. */
	setAlarm(atMs: number | null): void
	/** When the alarm fires, epoch ms; null: it is not set. */
	getAlarmMs(): number | null
	/** Puts a doorbell into the queue. Throws if that fails; a doorbell may also be lost. */
	sendDoorbell(instanceId: number, incarnation: string): Promise<void>
	/** Reads the object's row from D1. Throws if D1 cannot be reached. */
	loadConfig(instanceId: number, incarnation: string): Promise<LoadedConfig>
	/** Deletes the alarm and everything that is stored. */
	deleteStorage(): Promise<void>
	/** The element of this instance. */
	element(config: WatcherConfig): Element
	/** A client of the instance's store, with opened credentials. */
	client(config: WatcherConfig): Promise<StoreClient>
	/** Writes the instance's status row. */
	writeStatus(status: StatusReport): Promise<void>
	/** HMAC of an event's position for its id, first 3 bytes. */
	eventTag(incarnation: string, sequence: number): number
	/** The master key that currently derives webhook secrets (docs/architecture.md, Webhooks). */
	masterKey: { id: string; bytes: Uint8Array }
	/** The public URL of this Shopbell; '' if there is none. */
	publicUrl: string
	/** Publishes notices in the organization's own object. Throws if it cannot be reached. */
	publish(organization: ObjectRef, notices: Notice[]): Promise<void>
	/** Bytes of storage in use. */
	storedBytes(): number
	/** Structured log; never given secrets or records. */
	log(event: string, fields: Record<string, string | number | boolean | null>): void
}
