/** What every job of a watcher shares: its surroundings, its configuration, its state, and the one way to commit. */
import type { Element } from '../../elements/element.ts'
import { LookupTable } from './lookup-table.ts'
import { getObjectKind, type ObjectKind } from './object-kind.ts'
import type { Ports } from './ports.ts'
import { flushSettled } from './settled.ts'
import { loadState, saveState, type WatcherState } from './state.ts'
import type { ResourceState } from './resource-state.ts'
import type { WatcherConfig } from '../../rpc/config.ts'
import type { NotificationRow, Subscription } from './rows.ts'
import type { Tx } from './tx.ts'
import type { Resource, StoreClient } from '../../elements/store.ts'

/** A watched resource: how the element lists it, and where its polling stands. */
export interface WatchedResource {
	resource: Resource
	state: ResourceState
}

/** Handed to bodies of `commit` alone. */
const TX = {} as Tx

/** Shared by the jobs of one object; made anew from storage after an eviction. */
export class Core {
	readonly ports: Ports
	config: WatcherConfig
	configReadMs: number
	readonly state: WatcherState
	/** The state row as it is stored. */
	#savedState: string
	/** Instance's own copy of field-name lists, number → names. */
	readonly shapes = new Map<number, string[]>()
	/** Per resource number: how many observations were accepted, to know whether anything happened during a request. */
	readonly acceptedCounts = new Map<number, number>()
	/**
	 * Objects that a change of another object points at: read at the next chance, forgotten with the memory (the pass
	 * finds them too).
	 */
	readonly relatedQueue = new Map<string, { number: number; id: number | string; atMs: number }>()
	/** When objects were last read by id, `resource:id` → ms: hints for one object are merged. */
	readonly lastReadMs = new Map<string, number>()
	/**
	 * Objects of which something is still to be sent again, by subscription, and how many notifications of each; null: not
	 * looked up.
	 */
	pendingResends: Map<number, Map<string, number>> | null = null
	/**
	 * Notifications that are not settled, oldest first; null: not looked up. Whoever writes such a row keeps this, or
	 * forgets it (`forgetRows`).
	 */
	unsettledRows: NotificationRow[] | null = null
	/** Subscriptions as stored; null: not looked up. Whoever writes one forgets them. */
	subscriptions: Subscription[] | null = null
	readonly lookups: LookupTable
	/** How many notifications were put on the list of what is unsettled, since this core was made. */
	trackedCount = 0
	/** How many notifications changed that had settled before: the list of what is unsettled would not lead to them. */
	lateChanges = 0
	/** When a doorbell was last put into the queue, and whether it was answered. */
	lastDoorbellMs: number | null = null
	doorbellRequested = false

	constructor(ports: Ports, config: WatcherConfig, configReadMs: number) {
		this.ports = ports
		this.config = config
		this.configReadMs = configReadMs
		this.lookups = new LookupTable(ports)
		this.state = loadState(ports.sql)
		this.#savedState = JSON.stringify(this.state)
	}

	/**
	 * Runs the body and writes the state, if it changed, in one transaction. When it throws, storage and state are as they
	 * were stored, and what other jobs hold of the state while they wait for the store is still part of it.
	 *
	 * The state is one object: a commit also keeps what other jobs have put into it. That is safe as long as progress is
	 * only noted together with the recording of what was seen on the way.
	 *
	 * `worth` says that something was recorded; when it was not, the state waits for a commit that writes anyway, the slice's last at the
	 * latest: what is lost with the memory until then is only looked at again.
	 */
	commit<T>(body: (tx: Tx) => T, shouldSave: (result: T) => boolean = () => true): T {
		const { hooks, run } = this.state
		const resources = [...this.state.resources]
		try {
			let savedState = this.#savedState
			const result = this.ports.sql.transaction(() => {
				const value = body(TX)
				if (!shouldSave(value)) return value
				flushSettled(this.ports.sql, this.state)
				savedState = JSON.stringify(this.state)
				if (savedState !== this.#savedState) saveState(this.ports.sql, savedState)
				return value
			})
			this.#savedState = savedState
			return result
		} catch (error) {
			this.#restoreState({ hooks, run, resources })
			this.pendingResends = null
			this.unsettledRows = null
			this.subscriptions = null
			throw error
		}
	}

	/**
	 * The moment that rows of the log are stamped with, epoch ms: now, or that of the row before where a host's clock is
	 * behind it. The log is sought by bisecting, so its times may never descend. Call it inside `commit`.
	 */
	nextLogTimeMs(): number {
		const { state } = this
		state.stampedMs = Math.max(this.ports.now(), state.stampedMs)
		return state.stampedMs
	}

	/** What must not be lost with the memory: a commit that changes this writes the state. */
	durableKey(): string {
		const { notification, counters, resend, resending, skips, nextSubscription, announcement } = this.state
		return JSON.stringify([
			notification,
			counters.dead,
			this.trackedCount,
			this.lateChanges,
			resend,
			resending,
			skips,
			nextSubscription,
			announcement,
		])
	}

	/**
	 * The state as it is stored, in the objects that it consisted of before: a job whose copy were a dead one would count
	 * into nothing.
	 */
	#restoreState(before: Pick<WatcherState, 'hooks' | 'run' | 'resources'>): void {
		const stored = loadState(this.ports.sql)
		replaceFields(before.hooks, stored.hooks)
		if (before.run !== null && stored.run !== null) replaceFields(before.run, stored.run)
		replaceFields(this.state, {
			...stored,
			hooks: before.hooks,
			run: stored.run === null ? null : (before.run ?? stored.run),
			resources: stored.resources.map((rs) => {
				const existing = before.resources.find((candidate) => candidate.number === rs.number)
				return existing === undefined ? rs : replaceFields(existing, rs)
			}),
		})
		this.#savedState = JSON.stringify(this.state)
		// Lists of names that were written in vain have no numbers.
		this.shapes.clear()
	}

	/** What kind of object this is. */
	get kind(): ObjectKind {
		return getObjectKind(this.config)
	}

	/** Ms between polls. */
	get intervalMs(): number {
		return this.kind.getPollIntervalMs(this.config)
	}

	/** The hub that bodies and events name; '' without a store. */
	get hubKey(): string {
		return this.kind.getHubKey(() => this.element)
	}

	/** The element of this instance. */
	get element(): Element {
		return this.ports.element(this.config)
	}

	/** A client of the store. Opens the credentials: call it when a request follows. */
	client(): Promise<StoreClient> {
		return this.ports.client(this.config)
	}
}

/** Gives an object the fields of another one, and no others. */
function replaceFields<T extends object>(target: T, source: T): T {
	for (const key of Object.keys(target) as (keyof T)[]) if (!(key in source)) delete target[key]
	return Object.assign(target, source)
}
