/**
 * The `where` of deliveries (docs/contract.md §5): which of them, said in the words of subscriptions and deliveries.
 * Pure.
 */
import { parseWhere, type Condition } from '../../elements/where.ts'
import { BadRequest } from '../../lib/errors.ts'
import { splitTopics } from './topics.ts'
import { type DeliveryStatus, ROW_STATUS_BY_DELIVERY_STATUS } from '../events/delivery-status.ts'

/** What a `where` names; null: whatever. An empty list: nothing. */
export interface DeliveryFilter {
	/** As rows say them. */
	statuses: string[] | null
	urls: string[] | null
	instanceIds: number[] | null
	/** Topics of no instance. */
	ownTopics: string[] | null
	subscriptionIds: number[] | null
}

/** Reads a `where`; 400 that names what it cannot mean. */
export function parseDeliveryWhere(text: string | undefined): DeliveryFilter {
	const filter: DeliveryFilter = {
		statuses: null,
		urls: null,
		instanceIds: null,
		ownTopics: null,
		subscriptionIds: null,
	}
	const parsed = parseWhere(text ?? '')
	if (!parsed.ok) throw new BadRequest(`where: ${parsed.message}`)
	for (const condition of parsed.conditions) {
		const { field, operator, values } = condition
		if (operator !== '=' && operator !== 'IN') throw new BadRequest(`where: expected = or IN for ${field}`)
		switch (field) {
			case 'channel':
				if (!values.includes('webhook')) Object.assign(filter, { instanceIds: [], ownTopics: [] })
				break
			case 'status':
				filter.statuses = intersect(filter.statuses, values.map(parseStatus))
				break
			case 'config.url':
				filter.urls = intersect(filter.urls, values)
				break
			case 'topic':
			case 'topics': {
				const { instances, own } = splitTopics(values)
				filter.instanceIds = intersect(
					filter.instanceIds,
					instances.map((topic) => topic.instanceId),
				)
				filter.ownTopics = intersect(filter.ownTopics, own)
				break
			}
			case 'instanceId':
				filter.instanceIds = intersect(filter.instanceIds, parseNumbers(condition))
				filter.ownTopics = []
				break
			case 'subscriptionId':
				filter.subscriptionIds = intersect(filter.subscriptionIds, parseNumbers(condition))
				break
			default:
				throw new BadRequest(
					`where: expected conditions on channel, status, config.url, topics, instanceId or subscriptionId, not on ${field.slice(0, 64)}`,
				)
		}
	}
	return filter
}

function parseStatus(value: string): string {
	const status = value.toLowerCase()
	if (!Object.hasOwn(ROW_STATUS_BY_DELIVERY_STATUS, status))
		throw new BadRequest(`where: expected status to be one of ${Object.keys(ROW_STATUS_BY_DELIVERY_STATUS).join(', ')}`)
	return ROW_STATUS_BY_DELIVERY_STATUS[status as DeliveryStatus]
}

function parseNumbers({ field, values }: Condition): number[] {
	return values.map((value) => {
		if (!/^[1-9]\d{0,14}$/.test(value)) throw new BadRequest(`where: expected ${field} to be a positive whole number`)
		return Number(value)
	})
}

/** Conditions on one field hold together. */
function intersect<T>(before: T[] | null, values: T[]): T[] {
	return before === null ? values : before.filter((value) => values.includes(value))
}
