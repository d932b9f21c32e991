/** What comes after Create Instance: id and token, the first index of the store, the first event. */
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { operations } from '../../../api/operations.ts'
import { Button, LinkButton } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { CopyValue, KeyValues } from '../../parts/code.tsx'
import { Form } from '../../parts/form.tsx'
import { Glyph } from '../../parts/glyph.tsx'
import { Notice, Progress } from '../../parts/notice.tsx'
import { formatNumber } from '../../parts/text.ts'
import { Time } from '../../parts/time.tsx'

export type Poller = OperationResponse<(typeof operations)['getPoller']>
export type LoggedEvent = OperationResponse<(typeof operations)['listEvents']>[number]

/** The created instance. */
export interface CreatedView {
	id: number
	name: string
	/** Null: the viewer may not see it, or has seen it. */
	token: string | null
	eventsEnabled: boolean
	follow: FollowView
}

/** What has happened since. `poller` null: it does not answer. */
export interface FollowView {
	id: number
	poller: Poller | null
	newest: LoggedEvent | null
	now: number
}

/** The instance, as it is shown once after its creation. */
export function Created({ created, csrf, oob = false }: { created: CreatedView; csrf: string; oob?: boolean }) {
	const { id, name, token, eventsEnabled, follow } = created
	return (
		<div id='connect' class='connect' hx-swap-oob={oob ? 'outerHTML' : undefined}>
			<sb-keep key='connect' clear />
			<Notice tone='ok'>{name} is connected.</Notice>
			<Card
				title={name}
				right={
					<LinkButton small href={`/instances/${id}`}>
						Open the instance
					</LinkButton>
				}
				plain
			>
				<KeyValues
					entries={[
						['Id', <CopyValue value={String(id)} label='the id' />],
						['Token', token === null ? <AskForToken id={id} csrf={csrf} /> : <Token token={token} />],
					]}
				/>
			</Card>
			{eventsEnabled ? <Follow view={follow} /> : null}
			<p class='after'>
				<a class='link' href='/connect'>
					Connect another store
				</a>
			</p>
		</div>
	)
}

function Token({ token }: { token: string }) {
	return (
		<>
			<CopyValue value={token} label='the token' />
			<div class='meta'>
				Copy it now. It goes into <code>Authorization: User …, Element {'<token>'}</code> and allows reading and writing
				the store.
			</div>
		</>
	)
}

function AskForToken({ id, csrf }: { id: number; csrf: string }) {
	return (
		<Form csrf={csrf} action={`/connect/token/${id}`} target='#connect' swap='none'>
			<Button small icon='eye'>
				Show the token
			</Button>
		</Form>
	)
}

/** How far the first index is, and the first event. Asked every 2 s until both are there. */
export function Follow({ view }: { view: FollowView }) {
	const { id, poller, newest, now } = view
	const total = sum(poller, ({ baseline }) => baseline.total)
	const done = sum(poller, ({ baseline }) => baseline.done)
	const isIndexed =
		poller !== null && poller.resources.length > 0 && poller.resources.every(({ baseline }) => baseline.complete)
	const left =
		poller?.resources.map(({ baseline }) => baseline.estimateSeconds).filter((seconds) => seconds !== null) ?? []
	const isOver = isIndexed && newest !== null
	const enhanced = isOver
		? {}
		: { 'hx-get': `/connect/progress/${id}`, 'hx-trigger': 'every 2s', 'hx-swap': 'outerHTML', 'hx-target': 'this' }
	return (
		<section class='card' id='follow' {...enhanced}>
			<header>
				<h2>{isIndexed ? 'Watching the store' : 'Indexing the store'}</h2>
			</header>
			{isIndexed ? (
				<p class='body soft'>{formatNumber(done)} objects are indexed. Changes from now on become events.</p>
			) : (
				<Progress
					label='Existing objects'
					done={done}
					total={total === 0 ? null : total}
					leftMs={left.length === 0 ? null : Math.max(...left) * 1000}
				/>
			)}
			<p class='body' aria-live='polite'>
				{newest === null ? (
					<span class='soft'>
						No event yet. Change something in the store, such as the status of an order, and it appears here.
					</span>
				) : (
					<>
						<Glyph type={newest.eventType} /> <b>{newest.objectType}</b> {newest.objectId},{' '}
						<Time at={newest.recordedDate} now={now} />.{' '}
						<a class='link' href={`/instances/${id}`}>
							See all events
						</a>
					</>
				)}
			</p>
		</section>
	)
}

function sum(poller: Poller | null, count: (resource: Poller['resources'][number]) => number): number {
	return poller?.resources.reduce((total, resource) => total + count(resource), 0) ?? 0
}
