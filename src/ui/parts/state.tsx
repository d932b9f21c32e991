/** States and outcomes: a coloured dot and always a word. */
import { html } from 'hono/html'
import type { Child } from 'hono/jsx'
import { STATE_SEVERITIES, type InstanceState } from '../../rpc/watcher.ts'

/** What a colour means: fine, needs attention, failed, or nothing happens. */
export type Tone = 'ok' | 'warn' | 'bad' | 'idle'

const SPOKEN: Readonly<Record<Tone, string>> = { ok: 'Fine', warn: 'Attention', bad: 'Failed', idle: 'Idle' }

/** The dot alone. Write a word beside it, or let it be spoken. */
export function Dot({ tone, spoken = false }: { tone: Tone; spoken?: boolean }) {
	return <span class={`dot ${tone}`}>{spoken ? <span class='spoken'>{SPOKEN[tone]}: </span> : null}</span>
}

/** A dot and its word. */
export function State({ tone, children }: { tone: Tone; children?: Child }) {
	// A template takes a fraction of what nodes take, and lists have many.
	return html`<span class="state"><span class="dot ${tone}"></span><span>${children}</span></span>`
}

const WORDS: Readonly<Record<InstanceState, string>> = {
	disabled: 'Paused',
	deactivated: 'Deliveries stopped',
	full: 'Storage full',
	'needs-reauth': 'Key refused',
	'store-unreachable': 'Store unreachable',
	unreadable: 'List unreadable',
	'deletions-held': 'Deletions held',
	'changes-held': 'Changes held',
	'foreign-source': 'Unknown source',
	'callback-failing': 'Callback failing',
	'webhooks-degraded': 'Webhooks degraded',
	connecting: 'Indexing',
	'catching-up': 'Catching up',
	healthy: 'Healthy',
}

/** An instance's state as people read it. */
export function toStateWords(state: InstanceState): { tone: Tone; word: string } {
	return { tone: STATE_SEVERITIES[state], word: WORDS[state] }
}

/** An instance's state. `percent`: how much of the store is indexed. */
export function InstanceStateDot({ state, percent }: { state: InstanceState; percent?: number | null }) {
	const { tone, word } = toStateWords(state)
	const isRead = state === 'connecting' || state === 'catching-up'
	return <State tone={tone}>{isRead && percent != null ? `${word}, ${percent}%` : word}</State>
}
