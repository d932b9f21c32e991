/** What comes after Create Instance: id and token, the first index of the store, the first event. */
import { can, type Viewer } from '../../http/environment.ts'
import { Button, LinkButton } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { CopyValue, KeyValues } from '../../parts/code.tsx'
import { Form } from '../../parts/form.tsx'
import { Notice, Progress } from '../../parts/notice.tsx'
import { toInstancePath } from '../instance/data.ts'
import { NewestEvents } from '../instance/events.tsx'

/** The created instance. */
export interface CreatedView {
	id: number
	name: string
	/** Null: it is shown on request. */
	token: string | null
	eventsEnabled: boolean
	/** Whether it follows from what was just done that it is connected. */
	isNew: boolean
	/** Epoch ms. */
	now: number
}

/** The instance, as it is shown once after its creation. `oob`: in a response of an act. */
export function Created({ created, viewer, oob = false }: { created: CreatedView; viewer: Viewer; oob?: boolean }) {
	const { id, name, token, isNew, eventsEnabled, now } = created
	return (
		<div id='connect' class='connect' hx-swap-oob={oob ? 'outerHTML' : undefined}>
			<sb-keep name='connect' clear />
			{isNew ? <Notice tone='ok'>{name} is connected.</Notice> : null}
			<Card
				title={name}
				right={
					<LinkButton small href={toInstancePath(id)}>
						Open the instance
					</LinkButton>
				}
				plain
			>
				<KeyValues
					entries={[
						['Id', <CopyValue value={String(id)} label='the id' />],
						can(viewer, 'developer')
							? ['Token', token === null ? <AskForToken id={id} csrf={viewer.csrf} /> : <Token token={token} />]
							: null,
					]}
				/>
			</Card>
			{eventsEnabled ? (
				<>
					<FirstIndex id={id} />
					<NewestEvents instance={{ id, disabled: false, eventsEnabled }} events={[]} now={now} />
				</>
			) : null}
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

/** The progress of the first index, from when the instance has begun it: replaced by the instance's own part. */
function FirstIndex({ id }: { id: number }) {
	return (
		<div id='baseline' hx-get={toInstancePath(id, 'baseline')} hx-trigger='every 2s' hx-swap='outerHTML'>
			<Card title='Indexing the store' note='Changes are detected meanwhile.' plain>
				<Progress label='Existing objects' done={0} total={null} />
			</Card>
		</div>
	)
}
