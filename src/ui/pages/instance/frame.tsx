/** The frame of every page of an instance: its head with state and actions, and its tabs. */
import type { Child } from 'hono/jsx'
import { can, type PageMessage, type Viewer } from '../../http/environment.ts'
import { Frame } from '../../frame.tsx'
import { Button } from '../../parts/button.tsx'
import { Form } from '../../parts/form.tsx'
import { Tabs } from '../../parts/glyph.tsx'
import { MessagePlace, Notice } from '../../parts/notice.tsx'
import { InstanceStateDot } from '../../parts/state.tsx'
import { DeleteLink, PauseLink, ResumeLink } from './decisions.tsx'
import { getMode, getStoreLabel, toInstancePath, type InstanceFacts } from './data.ts'

/** The pages of an instance that have a tab. */
export type InstanceTab = 'overview' | 'configuration' | 'code'

const TABS: readonly { name: InstanceTab; label: string; path: string }[] = [
	{ name: 'overview', label: 'Overview', path: '' },
	{ name: 'configuration', label: 'Configuration', path: 'configuration' },
	{ name: 'code', label: 'Code', path: 'code' },
]

interface InstancePageProps extends InstanceFacts {
	viewer: Viewer
	/** Epoch ms. */
	now: number
	/** The tab that is current; a page below it has `crumb`, its own name. */
	tab: InstanceTab
	crumb?: string
	message?: PageMessage | null
	children?: Child
}

/** A page of an instance. */
export function InstancePage({ tab, crumb, message = null, children, ...facts }: InstancePageProps) {
	const { instance, viewer, now } = facts
	const current = TABS.find(({ name }) => name === tab)!
	const title = crumb ?? (tab === 'overview' ? instance.name : `${current.label} · ${instance.name}`)
	return (
		<Frame
			title={title}
			place='instances'
			viewer={viewer}
			now={now}
			crumbs={[
				{ label: 'Instances', href: '/instances' },
				...(crumb === undefined
					? [{ label: instance.name }]
					: [{ label: instance.name, href: toInstancePath(instance.id) }, { label: crumb }]),
			]}
		>
			<InstanceHead {...facts} />
			<MessagePlace>{message === null ? null : <Notice tone={message.kind}>{message.text}</Notice>}</MessagePlace>
			<Tabs
				label='Instance'
				current={tab}
				tabs={TABS.map(({ name, label, path }) => ({ name, label, href: toInstancePath(instance.id, path) }))}
			/>
			{children}
		</Frame>
	)
}

/** The head: name, what identifies the instance, its state, and what may be done by this viewer. */
export function InstanceHead({ instance, health, viewer }: InstanceFacts & { viewer: Viewer }) {
	const { id, name, tags, configuration } = instance
	const storeUrl = configuration?.['store.url'] ?? ''
	return (
		<div class='head' id='instance-head'>
			<div>
				<h1>{name}</h1>
				<div class='meta facts'>
					<InstanceStateDot state={health.state} />
					<a href={storeUrl} rel='noreferrer'>
						{getStoreLabel(instance)}
					</a>
					{instance.storeVersion === undefined ? null : <span>WooCommerce {instance.storeVersion}</span>}
					<span>{getMode(instance)}</span>
					<span>
						instance <code>{id}</code>
					</span>
					{tags.length === 0 ? null : <span>{tags.join(', ')}</span>}
				</div>
			</div>
			{can(viewer, 'developer') ? <Actions instance={instance} health={health} csrf={viewer.csrf} /> : null}
		</div>
	)
}

function Actions({ instance, health, csrf }: InstanceFacts & { csrf: string }) {
	const path = (below: string): string => toInstancePath(instance.id, below)
	const isWatching = !instance.disabled && instance.eventsEnabled
	return (
		<div class='actions'>
			{isWatching ? (
				<Form csrf={csrf} action={path('poll')} target='#instance-head'>
					<Button>Poll now</Button>
				</Form>
			) : null}
			{isWatching && instance.eventsNotificationCallbackUrl !== undefined ? (
				<Form csrf={csrf} action={path('test-event')} target='#instance-head'>
					<Button>Send a test event</Button>
				</Form>
			) : null}
			{instance.disabled ? (
				<ResumeLink instance={instance} csrf={csrf} />
			) : (
				<PauseLink instance={instance} csrf={csrf} waiting={health.callback.waiting} />
			)}
			<DeleteLink instance={instance} csrf={csrf} waiting={health.callback.waiting} />
		</div>
	)
}
