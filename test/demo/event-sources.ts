/** How each change was seen: by a webhook, by a poll, or by a poll because the store lost its webhook. */
import { pages } from '../../src/client/client.ts'
import type { Client } from '../../scripts/local/client.ts'
import { COLLECTION_BY_LABEL } from '../support/oracle.ts'
import type { Delivery } from '../store/store.ts'
import type { DemoStage } from './stage.ts'

/** The events of a play, by the way they came. */
export interface EventSources {
	/** As `GET /instances/{id}/coverage` counts them. */
	byWebhook: number
	byPoll: number
	/** Found by polling, and the store's own journal of deliveries says that every webhook of the change was lost. */
	recovered: number
	droppedByStore: number
}

/** What a play with webhooks must show, at least. */
const MIN_SOURCES: Partial<EventSources> = { byWebhook: 100, droppedByStore: 10, recovered: 1 }

/** A topic's first word → the store's collection. */
const COLLECTION_BY_TOPIC: Readonly<Record<string, string>> = {
	order: 'orders',
	product: 'products',
	customer: 'customers',
	coupon: 'coupons',
}

/** What is used of a record of the event log. */
interface LoggedEvent {
	objectType: string
	objectId: string
	recordedDate: string
	source: 'poll' | 'webhook' | 'reread'
}

/** Asks Shopbell and the store. */
export async function countEventSources({
	client,
	instance,
	store,
	t0Ms,
}: Pick<DemoStage, 'client' | 'instance' | 'store' | 't0Ms'>): Promise<EventSources> {
	const from = new Date(t0Ms - 1_000).toISOString()
	const coverage = await client.api.getCoverage({ params: { id: instance.id }, query: { from } })
	const deliveries = store.deliveries()
	return {
		byWebhook: coverage.firstByWebhook,
		byPoll: coverage.firstByPoll,
		recovered: countRecovered(await listAllEvents(client, instance.id), deliveries),
		droppedByStore: deliveries.filter(({ result }) => result === 'dropped').length,
	}
}

/** What is lacking of what was promised; empty when nothing. */
export function findMissingSources(sources: EventSources): string[] {
	return Object.entries(MIN_SOURCES)
		.filter(([source, expected]) => sources[source as keyof EventSources] < expected)
		.map(([source, expected]) => `${source}: ${sources[source as keyof EventSources]} of ${expected}`)
}

/**
 * Counts events that came by polling although webhooks should have reported them: since the event before of the same object, webhooks of it
 * were queued, and each of them was dropped. One that arrived, or is still to arrive, would have reported the change without the poll. Pure.
 */
export function countRecovered(log: readonly LoggedEvent[], deliveries: readonly Delivery[]): number {
	const deliveriesByObject = Map.groupBy(
		deliveries,
		({ topic, id }) => `${COLLECTION_BY_TOPIC[topic.split('.')[0] ?? ''] ?? ''}/${id}`,
	)
	const before = new Map<string, number>()
	let count = 0
	for (const event of log.toSorted((a, b) => Date.parse(a.recordedDate) - Date.parse(b.recordedDate))) {
		const object = `${COLLECTION_BY_LABEL[event.objectType]}/${event.objectId}`
		const atMs = Date.parse(event.recordedDate)
		const sinceMs = before.get(object) ?? Number.NEGATIVE_INFINITY
		before.set(object, atMs)
		const queued = (deliveriesByObject.get(object) ?? []).filter(
			({ queuedAt }) => queuedAt > sinceMs && queuedAt <= atMs,
		)
		if (event.source !== 'webhook' && queued.length > 0 && queued.every(({ result }) => result === 'dropped')) count++
	}
	return count
}

/** Every event of an instance. */
async function listAllEvents({ api }: Client, instanceId: number): Promise<LoggedEvent[]> {
	const log: LoggedEvent[] = []
	for await (const page of pages(api.listEvents, { params: { id: instanceId }, query: { pageSize: 200 } }))
		log.push(...page)
	return log
}
