/** Shared by all jobs of a watcher: ports, configuration, state and tables, and the only way to commit. */
import type { Element } from '../../elements/element.ts'
import { toStrategy, type Strategy } from './abilities.ts'
import { LookupTable } from './lookup-table.ts'
import { getObjectKind, type ObjectKind } from './object-kind.ts'
import type { Ports } from './ports.ts'
import { isWorthSaving, restorePollTimes } from './saving.ts'
import { loadState, saveState, type WatcherState } from './state.ts'
import type { ResourceState } from './resource-state.ts'
import type { WatcherConfig } from '../../rpc/config.ts'
import { NotificationTable } from './notification-table.ts'
import { ResendTable } from './resend-table.ts'
import { SubscriptionTable } from './subscription-table.ts'
import type { Tx } from './tx.ts'
import { UnreadableTable } from './unreadable-table.ts'
import { VariationTable } from './variation-table.ts'
import type { Resource, StoreClient } from '../../elements/store.ts'

/** A watched resource: how the element lists it, and the state of its polling. */
export interface WatchedResource {
	/** As the store can give it (abilities.ts). */
	resource: Resource
	state: ResourceState
	/** As configured; absent: the store can give it so. */
	configured?: Resource
}

/** A read of an object that a change of another object points at. */
export interface RelatedRead {
	/** Of its resource. */
	number: number
	id: number | string
	/** When it was queued. */
	atMs: number
	/** Not before; absent: at once. */
	dueMs?: number
}

/** How a resource is read. */
export function getStrategy({ resource, configured, state }: WatchedResource): Strategy {
	return toStrategy(configured ?? resource, state.abilities)
}

/** Only `commit` passes it to a body. */
const TX = {} as Tx

/** The instance was deleted: a job that still runs ends here, and writes nothing. */
export class InstanceDeleted extends Error {
	constructor() {
		super('The instance was deleted')
		this.name = 'InstanceDeleted'
	}
}

/** The shared core of one object, created from storage after an eviction. */
export class Core {
	readonly ports: Ports
	config: WatcherConfig
	configReadMs: number
	readonly state: WatcherState
	readonly notifications: NotificationTable
	readonly subscriptions: SubscriptionTable
	readonly resends: ResendTable
	readonly lookups: LookupTable
	readonly unreadable: UnreadableTable
	readonly variations: VariationTable
	/** The state row as it is stored. */
	#savedState: string
	/** Instance's own copy of field-name lists, number → names. */
	readonly shapes = new Map<number, string[]>()
	/**
	 * Objects that a change of another object points at: read at the next chance, forgotten with the memory (the pass
	 * finds them too).
	 */
	readonly relatedQueue = new Map<string, RelatedRead>()
	/** When objects were last read by id, `resource:id` → ms: hints for one object are merged. */
	readonly lastReadMs = new Map<string, number>()
	/** Per resource number: when a list of it was last answered, ms. */
	readonly answeredMs = new Map<number, number>()
	/** When a doorbell was last put into the queue; null: none is outstanding. */
	lastDoorbellMs: number | null = null
	doorbellRequested = false
	/** When the status row was last tried to be written, if that has not succeeded since. */
	statusFailedMs: number | null = null
	#isClosed = false

	constructor(ports: Ports, config: WatcherConfig, configReadMs: number) {
		this.ports = ports
		this.config = config
		this.configReadMs = configReadMs
		this.lookups = new LookupTable(ports)
		this.unreadable = new UnreadableTable(ports)
		this.variations = new VariationTable(ports)
		this.state = loadState(ports.sql)
		this.#savedState = JSON.stringify(this.state)
		restorePollTimes(this.state, ports.getAlarmMs(), this.intervalMs)
		this.notifications = new NotificationTable(ports, this.state)
		this.subscriptions = new SubscriptionTable(ports)
		this.resends = new ResendTable(ports, this.state)
	}

	/** The storage was deleted: jobs that still hold this core must end. */
	close(): void {
		this.#isClosed = true
	}

	get isClosed(): boolean {
		return this.#isClosed
	}

	/**
	 * Runs the body and writes the state, if it changed, in one transaction. When the body throws, storage and state are
	 * as they were before, tables forget what they have in memory, and objects of the state that other jobs hold stay
	 * part of it.
	 *
	 * The state is one object: a commit also saves what other jobs have put into it. That is safe as long as progress is
	 * put into it only together with the recording of what was seen.
	 *
	 * `shouldSave` says whether the state must be written. If not, it waits for the next commit that writes it, the
	 * slice's last at the latest: what is lost with the memory until then is only read again.
	 *
	 * Throws `InstanceDeleted` after `close`.
	 */
	commit<T>(body: (tx: Tx) => T, shouldSave: (result: T) => boolean = () => true): T {
		if (this.#isClosed) throw new InstanceDeleted()
		const { hooks, run } = this.state
		const resources = [...this.state.resources]
		try {
			let savedState = this.#savedState
			const result = this.ports.sql.transaction(() => {
				const value = body(TX)
				if (!shouldSave(value)) return value
				savedState = JSON.stringify(this.state)
				if (savedState !== this.#savedState) saveState(this.ports.sql, savedState)
				return value
			})
			this.#savedState = savedState
			return result
		} catch (error) {
			this.#restoreState({ hooks, run, resources })
			this.notifications.invalidate()
			this.subscriptions.invalidate()
			this.resends.invalidate()
			throw error
		}
	}

	/**
	 * The time of new rows of the log, epoch ms: now, or that of the row before if this host's clock is behind it. The log
	 * is bisected by time, so its times never descend.
	 */
	nextLogTimeMs(_tx: Tx): number {
		const { state } = this
		state.stampedMs = Math.max(this.ports.now(), state.stampedMs)
		return state.stampedMs
	}

	/** Whether the state has changed in anything that must outlive the memory. */
	isWorthSaving(): boolean {
		return isWorthSaving(JSON.parse(this.#savedState) as WatcherState, this.state)
	}

	/** Whether the stored state says when the next poll is due. */
	isPollTimeSaved(): boolean {
		return (JSON.parse(this.#savedState) as WatcherState).nextPollMs === this.state.nextPollMs
	}

	/** Parts of the state that must not be lost with the memory: if a commit changes them, the state is written. */
	durableKey(): string {
		const { notification, counters, resend, resending, skips, nextSubscription, announcement } = this.state
		return JSON.stringify([
			notification,
			counters.dead,
			this.notifications.trackedCount,
			this.notifications.lateChanges,
			resend,
			resending,
			skips,
			nextSubscription,
			announcement,
		])
	}

	/** Restores the stored state into the same objects, because jobs keep references to them. */
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
		// Shapes whose rows were rolled back have no number.
		this.shapes.clear()
	}

	/** The kind of this object. */
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
