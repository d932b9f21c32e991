/** Pausing, resuming and deleting an instance: what will happen, in a dialog, or on a page without JavaScript. */
import type { Child } from 'hono/jsx'
import { Button, LinkButton, type ButtonKind } from '../../parts/button.tsx'
import { Choice } from '../../parts/field.tsx'
import { Form } from '../../parts/form.tsx'
import { CloseDialog, ConfirmLink } from '../../parts/overlay.tsx'
import { formatCount } from '../../parts/text.ts'
import { toInstancePath, type Instance } from './data.ts'

/** What can be decided about a whole instance. */
export type Decision = 'pause' | 'resume' | 'delete'

interface DecisionProps {
	instance: Pick<Instance, 'id' | 'name'>
	csrf: string
	/** Events that wait to be sent. */
	waiting: number
}

interface Texts {
	label: string
	title: (name: string) => string
	button: string
	keep: string
	kind: ButtonKind
	/** What will happen. */
	consequences: (waiting: number) => string[]
}

const TEXTS: Readonly<Record<Decision, Texts>> = {
	pause: {
		label: 'Pause',
		title: (name) => `Pause ${name}?`,
		button: 'Pause the instance',
		keep: 'Keep it running',
		kind: 'primary',
		consequences: (waiting) => [
			'Shopbell stops polling this store and stops delivering. Its webhooks at the store are paused too.',
			waiting === 0
				? 'No event waits to be delivered.'
				: `${formatCount(waiting, 'event')} ${waiting === 1 ? 'waits' : 'wait'} to be delivered. They are kept for ` +
					'at least 30 days, and are sent when you resume.',
			'When you resume, all objects are read once, so that changes made meanwhile can be delivered.',
		],
	},
	resume: {
		label: 'Resume',
		title: (name) => `Resume ${name}?`,
		button: 'Resume the instance',
		keep: 'Keep it paused',
		kind: 'primary',
		consequences: () => ['Polling and deliveries start again. Events that waited are sent first.'],
	},
	delete: {
		label: 'Delete',
		title: (name) => `Delete ${name}?`,
		button: 'Delete the instance',
		keep: 'Keep it',
		kind: 'danger',
		consequences: (waiting) => [
			waiting === 0
				? 'No event waits to be delivered.'
				: `${formatCount(waiting, 'event')} ${waiting === 1 ? 'waits' : 'wait'} to be delivered and will not be sent.`,
			'The event log, the deliveries and the index of objects are deleted. The token stops working at once.',
			'Webhooks that Shopbell created at the store are removed. Nothing else in the store changes.',
			'This cannot be undone.',
		],
	},
}

/** A link that asks before it pauses. */
export const PauseLink = (props: DecisionProps) => <DecisionLink decision='pause' {...props} />
/** A link that asks how to resume. */
export const ResumeLink = (props: Omit<DecisionProps, 'waiting'>) => (
	<DecisionLink decision='resume' waiting={0} {...props} />
)
/** A link that asks before it deletes. */
export const DeleteLink = (props: DecisionProps) => <DecisionLink decision='delete' {...props} />

function DecisionLink({ decision, instance, csrf, waiting }: DecisionProps & { decision: Decision }) {
	const texts = TEXTS[decision]
	const path = toInstancePath(instance.id, decision)
	return (
		<ConfirmLink
			id={`dialog-${decision}`}
			href={path}
			label={texts.label}
			kind={decision === 'delete' ? 'danger' : 'plain'}
			icon={decision === 'delete' ? 'trash' : undefined}
			title={texts.title(instance.name)}
			form={{ action: path, csrf }}
			footer={
				<>
					<CloseDialog>{texts.keep}</CloseDialog>
					<Button kind={texts.kind}>{texts.button}</Button>
				</>
			}
		>
			<Consequences decision={decision} waiting={waiting} prefix='dialog' />
		</ConfirmLink>
	)
}

/** The page that asks. */
export function DecisionForm({ decision, instance, csrf, waiting }: DecisionProps & { decision: Decision }) {
	const texts = TEXTS[decision]
	return (
		<section class='card decision'>
			<header>
				<h2>{texts.title(instance.name)}</h2>
			</header>
			<div class='body'>
				<Form csrf={csrf} action={toInstancePath(instance.id, decision)}>
					<Consequences decision={decision} waiting={waiting} prefix='page' />
					<div class='actions'>
						<Button kind={texts.kind}>{texts.button}</Button>
						<LinkButton href={toInstancePath(instance.id)}>{texts.keep}</LinkButton>
					</div>
				</Form>
			</div>
		</section>
	)
}

/** The name of the page that asks. */
export function getDecisionTitle(decision: Decision): string {
	return TEXTS[decision].label
}

function Consequences({
	decision,
	waiting,
	prefix,
}: {
	decision: Decision
	waiting: number
	/** Keeps ids apart: the page that asks also has the dialogs of its head. */
	prefix: string
}): Child {
	return (
		<>
			{TEXTS[decision].consequences(waiting).map((text) => (
				<p>{text}</p>
			))}
			{decision === 'resume' ? (
				<Choice
					id={`${prefix}-skip`}
					name='skip'
					label='Changes made while it was paused'
					value='false'
					options={[
						{ value: 'false', title: 'Deliver', text: 'Each changed object is sent once, in its present state.' },
						{ value: 'true', title: 'Skip', text: 'The store is indexed again without events. They are never sent.' },
					]}
				/>
			) : null}
		</>
	)
}
