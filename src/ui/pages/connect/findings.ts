/** What a check found, and what the form will do, as sentences. Pure. */
import { formatNumber } from '../../parts/text.ts'
import { CALLBACK, EVENT_TYPE, INTERVAL, RECONCILE, type InstanceForm } from './model/form.ts'
import type { StoreCheck } from './view.ts'

/** `WooCommerce 11.0.1 at https://shop.example`. Null: no store was found. */
export function toStoreFinding(check: StoreCheck | null): string | null {
	const store = check?.store
	if (store?.ok !== true) return null
	const name = store.name === null || store.name === '' ? '' : `${store.name}: `
	return `${name}WooCommerce${store.version === null ? '' : ` ${store.version}`} at ${store.url}`
}

/** What the key may do. Null: it was not tried, or does not work. */
export function toKeyFinding(check: StoreCheck | null): string | null {
	const key = check?.key
	if (key?.ok !== true) return null
	if (key.rights === 'read/write') return 'The key works and may read and write.'
	if (key.rights === 'read') return 'The key works and may only read, which is enough for polling.'
	return 'The key works.'
}

/** `About 1,900 requests a day to this store.` Null: not known. */
export function toRequestsFinding(check: StoreCheck | null): string | null {
	const count = check?.requestsPerDay
	if (count === null || count === undefined) return null
	return `About ${formatNumber(toRounded(count))} requests a day to this store.`
}

/** Two digits say enough about an estimate. */
function toRounded(count: number): number {
	const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, count))) - 1)
	return Math.round(count / step) * step
}

/** How changes are detected, and where they go. */
export function toEventsSummary(form: InstanceForm): string {
	return form.eventsEnabled ? `${toUpperFirst(toHow(form))}, ${toTarget(form)}` : 'No changes are detected'
}

/** The resources that are watched. */
export function toPollingSummary({ json, rows }: InstanceForm): string {
	if (json !== null) return 'As in the JSON'
	const on = rows.filter((row) => row.on).map(({ label }) => label.trim())
	return on.length === 0 ? 'No resource' : on.join(', ')
}

const toUpperFirst = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

function toTarget({ keys, delivery }: InstanceForm): string {
	if (delivery === 'log') return 'stored in the log only'
	const callback = keys[CALLBACK]?.trim() ?? ''
	return callback === '' ? 'to your callback' : `to ${toHost(callback)}`
}

/** The whole in a sentence or two. */
export function toSummary(form: InstanceForm): string {
	const store = form.keys['store.url']?.trim() || 'the store'
	if (!form.eventsEnabled) return `Connects ${store} for the hub only: no changes are detected.`
	const labels = form.json === null ? form.rows.filter(({ on }) => on).map(({ label }) => label.trim()) : []
	const what = labels.length === 0 ? 'the resources' : labels.join(', ')
	const callback = form.keys[CALLBACK]?.trim()
	const target = callback === undefined || callback === '' ? 'your callback' : toHost(callback)
	const where = form.delivery === 'log' ? 'stores each change in the log' : `sends each change to ${target}`
	const existing = {
		none: 'What exists already is not sent.',
		all: 'What exists already is sent first.',
		since: `What was created since ${form.existingSince || 'the date'} is sent first.`,
	}[form.existing]
	return `Watches ${what} of ${store} ${toHow(form)}, and ${where}. ${existing}`
}

function toHow({ keys }: InstanceForm): string {
	const every = (minutes: string | undefined): string =>
		minutes === undefined || minutes.trim() === ''
			? 'regularly'
			: minutes.trim() === '1'
				? 'every minute'
				: `every ${minutes.trim()} minutes`
	if (keys[EVENT_TYPE] === 'webhook') return `by webhooks, with a poll ${every(keys[RECONCILE] ?? '60')}`
	return keys[EVENT_TYPE] === 'hybrid'
		? `by webhooks and a poll ${every(keys[INTERVAL])}`
		: `by a poll ${every(keys[INTERVAL])}`
}

function toHost(url: string): string {
	return URL.parse(url)?.host ?? url
}
