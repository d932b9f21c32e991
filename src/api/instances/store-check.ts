/** Handlers of the calls that check a configuration. */
import type * as z from 'zod'
import type { Element } from '../../elements/element.ts'
import { toPollSchedule } from '../../instances/config.ts'
import { requireNaming } from '../../instances/checks.ts'
import { checkStore, type CheckedResource, type StoreCheck } from '../../instances/store-check.ts'
import { getElement, openConfiguration } from '../../instances/stores.ts'
import { wantsWebhooks } from '../../instances/webhooks.ts'
import { countVariationReads, estimateDailyRequests } from '../../watcher/polling/request-estimate.ts'
import type { CallerContext, InstanceContext } from '../http/environment.ts'
import { requireElement } from '../http/require-element.ts'
import { toIsoSeconds } from '../http/times.ts'
import type { InstanceCheckBody, StoreCheckBody, StoreCheckResponse } from './store-check-schema.ts'

type StoreCheckView = z.output<typeof StoreCheckResponse>

/** The webhooks at the store are read once an hour. */
const WEBHOOK_CHECKS_A_DAY = 24

/** `POST /elements/{keyOrId}/check`. */
export async function checkNew(
	c: CallerContext,
	keyOrId: string,
	body: z.output<typeof StoreCheckBody>,
): Promise<StoreCheckView> {
	const { name, tags } = requireNaming(body)
	const sender = { id: 0, name: name ?? '', tags: tags ?? [] }
	const { services, user } = c.var
	const element = requireElement(keyOrId)
	return toResponse(element, c.env, await checkStore(services, user, element, { ...toInput(body), sender }, null))
}

/** `POST /instances/{id}/check`: the instance's configuration with the changes. */
export async function checkChange(
	c: InstanceContext,
	body: z.output<typeof InstanceCheckBody>,
): Promise<StoreCheckView> {
	const { services, user, instance } = c.var
	requireNaming(body)
	const element = getElement(instance.elementKey)
	const sent = new Set(Object.keys(body.configuration ?? {}))
	const { MASTER_KEYS } = c.env
	const previous = await openConfiguration(MASTER_KEYS, instance, element, instance.configuration, sent)
	const { id, name, tags } = instance
	const input = { ...toInput(body), sender: { id, name, tags } }
	return toResponse(element, c.env, await checkStore(services, user, element, input, previous))
}

function toInput(body: z.output<typeof InstanceCheckBody>) {
	return {
		configuration: body.configuration ?? {},
		collections: body.collections === true,
		callback: body.callback === true,
	}
}

function toResponse(element: Element, env: { POLL_FLOOR_SECONDS: string }, check: StoreCheck): StoreCheckView {
	const resources = check.resources.map((resource) => toResource(resource, check, env))
	const counts = resources.map(({ requestsPerDay }) => requestsPerDay)
	const usesWebhooks = element.webhooks !== null && wantsWebhooks({ eventsEnabled: true, configuration: check.values })
	const isKnown = counts.length > 0 && counts.every((count) => count !== null)
	return {
		requests: check.requests,
		problems: check.problems,
		store: toStore(check.store),
		key: toKey(check.key),
		resources,
		requestsPerDay: isKnown
			? counts.reduce<number>((sum, count) => sum + (count ?? 0), usesWebhooks ? WEBHOOK_CHECKS_A_DAY : 0)
			: null,
		collections:
			check.collections?.map(({ name, title, settings: { url, idField }, total }) => ({
				label: name,
				title,
				url,
				idField: idField ?? 'id',
				total,
			})) ?? null,
		callback: check.callback,
	}
}

function toStore(store: StoreCheck['store']): StoreCheckView['store'] {
	if (store === null) return null
	if (!store.ok) return { url: null, name: null, version: null, ...store }
	const { home, name } = store.connection
	const version = store.version === '' ? null : store.version
	return { ok: true, url: home, name, version, problems: [], providerMessage: null }
}

function toKey(key: StoreCheck['key']): StoreCheckView['key'] {
	if (key === null) return null
	if (!key.ok) return { rights: null, missing: null, ...key }
	const { allowed, message } = key.write
	const rights = allowed === null ? 'unknown' : allowed ? 'read/write' : 'read'
	return { ok: key.problems.length === 0, rights, problems: key.problems, missing: message, providerMessage: null }
}

function toResource(
	{ label, url, resource, total, variations, dates, problems }: CheckedResource,
	{ values }: StoreCheck,
	env: { POLL_FLOOR_SECONDS: string },
): StoreCheckView['resources'][number] {
	const variationReads = variations === null ? 0 : countVariationReads(variations)
	return {
		label,
		url,
		ok: resource !== null && problems.length === 0,
		total,
		dated: resource?.modifiedFilter ?? false,
		dates: dates.map(({ ms, ...date }) => ({ ...date, utc: ms === null ? null : toIsoSeconds(ms) })),
		requestsPerDay:
			resource === null || total === null
				? null
				: estimateDailyRequests(resource, total, toPollSchedule(values, env), variationReads),
		problems,
	}
}
