/** The frames of pages of an instance: with its head and tabs, and those about one thing of it. */
import type { Child } from 'hono/jsx'
import { can, type PageMessage, type Viewer } from '../../http/environment.ts'
import { Frame } from '../../frame.tsx'
import { Button } from '../../parts/button.tsx'
import { PageHead } from '../../parts/card.tsx'
import { Form } from '../../parts/form.tsx'
import { Tabs } from '../../parts/glyph.tsx'
import { MessagePlace, Notice } from '../../parts/notice.tsx'
import { InstanceStateDot } from '../../parts/state.tsx'
import { TextWithTimes } from '../../parts/time.tsx'
import { getMode, getStoreLabel, toInstancePath, type Health, type Instance, type InstanceFacts } from './data.ts'
import { DecisionMenu, ResumeLink } from './decisions.tsx'

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
	/** The tab that is current. */
	tab: InstanceTab
	message?: PageMessage | null
	/** How much of the store is indexed; null or left out: not known, or all of it. */
	percent?: number | null
	children?: Child
}

/** A page of an instance. */
export function InstancePage({ tab, message = null, children, ...facts }: InstancePageProps) {
	const { instance, viewer, now } = facts
	const current = TABS.find(({ name }) => name === tab)!
	return (
		<Frame
			title={tab === 'overview' ? instance.name : `${current.label} · ${instance.name}`}
			place='instances'
			viewer={viewer}
			now={now}
			crumbs={[{ label: 'Instances', href: '/instances' }, { label: instance.name }]}
		>
			<InstanceHead {...facts} />
			<Message message={message} />
			<Tabs
				label='Instance'
				current={tab}
				tabs={TABS.map(({ name, label, path }) => ({ name, label, href: toInstancePath(instance.id, path) }))}
			/>
			{children}
		</Frame>
	)
}

interface SubPageProps {
	instance: Pick<Instance, 'id' | 'name'>
	viewer: Viewer
	/** Epoch ms. */
	now: number
	/** The name of the page. */
	title: string
	/** Its heading, where it has more than the name. */
	heading?: Child
	/** What is said of its subject, after a link to the instance. */
	meta?: Child
	actions?: Child
	message?: PageMessage | null
	children?: Child
}

/** A page about one thing of an instance: its heading and actions are of that thing. */
export function InstanceSubPage({ instance, title, message = null, children, ...page }: SubPageProps) {
	const href = toInstancePath(instance.id)
	return (
		<Frame
			title={`${title} · ${instance.name}`}
			place='instances'
			viewer={page.viewer}
			now={page.now}
			crumbs={[{ label: 'Instances', href: '/instances' }, { label: instance.name, href }, { label: title }]}
		>
			<PageHead
				title={page.heading ?? title}
				meta={
					page.meta === undefined ? undefined : (
						<span class='facts'>
							<a class='link' href={href}>
								{instance.name}
							</a>
							{page.meta}
						</span>
					)
				}
				actions={page.actions}
			/>
			<Message message={message} />
			{children}
		</Frame>
	)
}

function Message({ message }: { message: PageMessage | null }) {
	return (
		<MessagePlace>
			{message === null ? null : (
				<Notice tone={message.kind}>
					<TextWithTimes text={message.text} />
				</Notice>
			)}
		</MessagePlace>
	)
}

type HeadProps = InstanceFacts & { viewer: Viewer; percent?: number | null }

/** The head: name, what identifies the instance, its state, and what may be done by this viewer. */
export function InstanceHead({ instance, health, viewer, percent }: HeadProps) {
	const { id, name, tags, configuration } = instance
	const storeUrl = configuration?.['store.url'] ?? ''
	return (
		<div class='head' id='instance-head'>
			<div>
				<h1>{name}</h1>
				<div class='meta facts'>
					<HeadState state={health.state} percent={percent} />
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

/** The state in the head. `oob`: replaces it from a response for another part. */
export function HeadState({
	state,
	percent,
	oob = false,
}: {
	state: Health['state']
	percent?: number | null
	oob?: boolean
}) {
	return (
		<span id='instance-state' hx-swap-oob={oob ? 'true' : undefined}>
			<InstanceStateDot state={state} percent={percent} />
		</span>
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
			{instance.disabled ? <ResumeLink instance={instance} csrf={csrf} /> : null}
			<DecisionMenu
				decisions={instance.disabled ? ['delete'] : ['pause', 'delete']}
				instance={instance}
				csrf={csrf}
				waiting={health.callback.waiting}
			/>
		</div>
	)
}
