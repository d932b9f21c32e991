/** What follows from a sync of the store's webhooks, decided by the kinds of its changes. */
import { expect, test } from 'vitest'
import type { WebhookChange, WebhookChangeKind } from '../../../src/elements/webhooks.ts'
import { decideSync } from '../../../src/watcher/webhooks/repair.ts'

const NOW = 1_000
const toChange = (...kinds: WebhookChangeKind[]): WebhookChange => ({
	topic: 'order.updated',
	kinds,
	statusBefore: 'disabled',
})
const decide = (
	changes: WebhookChange[],
	errors: string[] = [],
	degraded: { reason: string; sinceMs: number } | null = null,
) => decideSync({ changes, errors, missingPermission: null }, degraded, NOW)

test.each<[WebhookChangeKind[], string, boolean, boolean]>([
	[['created'], 'order.updated created', true, true],
	[['re-enabled'], 'order.updated re-enabled (it was disabled)', true, true],
	[['moved'], 'order.updated moved to the current address', true, true],
	[['re-enabled', 'moved'], 'order.updated re-enabled (it was disabled), moved to the current address', true, true],
	[['secret-written'], 'order.updated secret rewritten', false, false],
	[['moved', 'secret-written'], 'order.updated moved to the current address, secret rewritten', false, true],
	[['re-enabled', 'secret-written'], 'order.updated re-enabled (it was disabled), secret rewritten', true, true],
	[['deleted-duplicate'], 'order.updated deleted (a duplicate)', true, false],
	[['deleted'], 'order.updated deleted', true, false],
])('%j: "%s", notifies the operator: %s, re-reads the gap: %s', (kinds, description, notify, rereadsGap) => {
	expect(decide([toChange(...kinds)])).toEqual({ repairs: [{ description, notify }], degraded: null, rereadsGap })
})

test('an error degrades from its first time on, and its end re-reads the gap', () => {
	const action = expect.stringMatching(/./)
	expect(decide([], ['order.updated: no']).degraded).toEqual({ reason: 'order.updated: no', sinceMs: NOW, action })
	const earlier = { reason: 'x', sinceMs: 5 }
	expect(decide([], ['y'], earlier)).toEqual({
		repairs: [],
		degraded: { reason: 'y', sinceMs: 5, action },
		rereadsGap: false,
	})
	expect(decide([], [], earlier)).toEqual({ repairs: [], degraded: null, rereadsGap: true })
})

test('nothing changed: nothing follows', () => {
	expect(decide([])).toEqual({ repairs: [], degraded: null, rereadsGap: false })
})
