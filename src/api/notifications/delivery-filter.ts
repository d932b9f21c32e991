/** The `where` of deliveries (docs/contract.md §5). Pure. */
import { parseWhere, type Condition } from '../../elements/where.ts'
import { BadRequest } from '../../lib/errors.ts'
import { splitTopics } from './topics.ts'
import { type DeliveryStatus, ROW_STATUS_BY_DELIVERY_STATUS } from '../events/delivery-status.ts'

/** The filter of a `where`; null: any; an empty list: none. */
export interface DeliveryFilter {
	/** Row statuses. */
	statuses: string[] | null
	urls: string[] | null
	instanceIds: number[] | null
	/** The organization's own topics. */
	ownTopics: string[] | null
	subscriptionIds: number[] | null
}

/** Parses a `where`; 400 for unsupported conditions. */
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
					'where: expected conditions on channel, status, config.url, topics, instanceId or subscriptionId, ' +
						`not on ${field.slice(0, 64)}`,
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

/** All conditions on a field must hold. */
function intersect<T>(before: T[] | null, values: T[]): T[] {
	return before === null ? values : before.filter((value) => values.includes(value))
}
