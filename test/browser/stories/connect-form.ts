/** The form that connects a store, as people fill it in: by its labels. */
import type { Locator } from 'playwright-core'
import type { Visitor } from './visitor.ts'

export type EventType = 'polling' | 'webhook' | 'hybrid'

export const storeUrl = (visitor: Visitor): Locator => visitor.field('The Store URL')
export const apiKey = (visitor: Visitor): Locator => visitor.field('OAuth API Key')
export const apiSecret = (visitor: Visitor): Locator => visitor.field('OAuth API Secret')
export const callbackUrl = (visitor: Visitor): Locator => visitor.field('Event Notification Callback URL')
export const interval = (visitor: Visitor): Locator => visitor.field('Event poller refresh interval (mins)')
export const tags = (visitor: Visitor): Locator => visitor.field('Tags')
export const createButton = (visitor: Visitor): Locator => visitor.button('Create Instance')

/** One of the event types. */
export function eventType(visitor: Visitor, type: EventType): Locator {
	const name = type[0]!.toUpperCase() + type.slice(1)
	return visitor.page.getByRole('group', { name: 'Event Type' }).getByRole('radio', { name: new RegExp(`^${name}`) })
}

/** A row of Configure Polling: its switch, its pencil, and the fields behind it. */
export function resource(visitor: Visitor, label: string): { switch: Locator; pencil: Locator; group: Locator } {
	const group = visitor.page.getByRole('group', { name: label, exact: true })
	return {
		group,
		switch: group.getByRole('switch', { name: `Poll ${label}` }),
		// Roles of what unfolds differ between browsers.
		pencil: group.getByLabel(`Edit ${label}`, { exact: true }),
	}
}

/** Opens what folds by its text. */
export function unfold(visitor: Visitor, text: string): Locator {
	return visitor.page.locator('summary').filter({ hasText: text })
}
