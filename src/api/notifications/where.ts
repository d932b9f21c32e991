/** The `where` of deliveries (contract, section 5): which of them, said in the words of subscriptions and deliveries. Pure. */
import { parseWhere, type Condition } from '../../elements/where.ts'
import { BadRequest } from '../../lib/errors.ts'
import { splitTopics } from './topics.ts'
import { type DeliveryStatus, STATUSES } from '../events/delivery-status.ts'

/** What a `where` names; null: whatever. An empty list: nothing. */
export interface DeliveryWish {
	/** As rows say them. */
	statuses: string[] | null
	urls: string[] | null
	instanceIds: number[] | null
	/** Topics of no instance. */
	ownTopics: string[] | null
	subscriptionIds: number[] | null
}

/** Reads a `where`; 400 that names what it cannot mean. */
export function readDeliveryWhere(text: string | undefined): DeliveryWish {
	const wish: DeliveryWish = { statuses: null, urls: null, instanceIds: null, ownTopics: null, subscriptionIds: null }
	const parsed = parseWhere(text ?? '')
	if (!parsed.ok) throw new BadRequest(parsed.message)
	for (const condition of parsed.conditions) {
		const { field, operator, values } = condition
		if (operator !== '=' && operator !== 'IN') throw new BadRequest(`where: expected = or IN for ${field}`)
		switch (field) {
			case 'channel':
				if (!values.includes('webhook')) Object.assign(wish, { instanceIds: [], ownTopics: [] })
				break
			case 'status':
				wish.statuses = both(wish.statuses, values.map(statusOf))
				break
			case 'config.url':
				wish.urls = both(wish.urls, values)
				break
			case 'topic':
			case 'topics': {
				const { instances, own } = splitTopics(values)
				wish.instanceIds = both(
					wish.instanceIds,
					instances.map((one) => one.instanceId),
				)
				wish.ownTopics = both(wish.ownTopics, own)
				break
			}
			case 'instanceId':
				wish.instanceIds = both(wish.instanceIds, numbersOf(condition))
				wish.ownTopics = []
				break
			case 'subscriptionId':
				wish.subscriptionIds = both(wish.subscriptionIds, numbersOf(condition))
				break
			default:
				throw new BadRequest(
					`where: expected conditions on channel, status, config.url, topics, instanceId or subscriptionId, not on ${field.slice(0, 64)}`,
				)
		}
	}
	return wish
}

function statusOf(value: string): string {
	const status = value.toLowerCase()
	if (!Object.hasOwn(STATUSES, status)) throw new BadRequest(`where: expected status to be one of ${Object.keys(STATUSES).join(', ')}`)
	return STATUSES[status as DeliveryStatus]
}

function numbersOf({ field, values }: Condition): number[] {
	return values.map((value) => {
		if (!/^[1-9]\d{0,14}$/.test(value)) throw new BadRequest(`where: expected ${field} to be a positive whole number`)
		return Number(value)
	})
}

/** Conditions on one field hold together. */
function both<T>(before: T[] | null, values: T[]): T[] {
	return before === null ? values : before.filter((one) => values.includes(one))
}
