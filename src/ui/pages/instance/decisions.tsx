/** Pausing, resuming and deleting an instance: what will happen, in a dialog, or on a page without JavaScript. */
import type { Child } from 'hono/jsx'
import { Button, LinkButton, type ButtonKind } from '../../parts/button.tsx'
import { Choice } from '../../parts/field.tsx'
import { Form } from '../../parts/form.tsx'
import { CloseDialog, ConfirmLink, Dialog, Menu, MenuLink } from '../../parts/overlay.tsx'
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
	kind: ButtonKind
	/** What will happen. */
	consequences: (waiting: number) => string[]
}

const TEXTS: Readonly<Record<Decision, Texts>> = {
	pause: {
		label: 'Pause',
		title: (name) => `Pause ${name}?`,
		button: 'Pause the instance',
		kind: 'primary',
		consequences: (waiting) => [
			'Shopbell stops polling this store and stops delivering. Its webhooks at the store are paused too.',
			waiting === 0
				? 'No events are waiting.'
				: `${formatCount(waiting, 'event')} ${waiting === 1 ? 'waits' : 'wait'} to be delivered. They are kept for ` +
					'at least 30 days, and are sent when you resume.',
			'When you resume, all objects are read once, so that changes made meanwhile can be delivered.',
		],
	},
	resume: {
		label: 'Resume',
		title: (name) => `Resume ${name}?`,
		button: 'Resume the instance',
		kind: 'primary',
		consequences: () => ['Polling and deliveries start again. Events that waited are sent first.'],
	},
	delete: {
		label: 'Delete',
		title: (name) => `Delete ${name}?`,
		button: 'Delete the instance',
		kind: 'danger',
		consequences: (waiting) => [
			'This cannot be undone.',
			waiting === 0
				? 'No events are waiting.'
				: `${formatCount(waiting, 'event')} ${waiting === 1 ? 'waits' : 'wait'} to be delivered and will not be sent.`,
			'The event log, the deliveries and the index of objects are deleted. The token stops working at once.',
			'Webhooks that Shopbell created at the store are removed. Nothing else in the store changes.',
		],
	},
}

const toDialogId = (decision: Decision): string => `dialog-${decision}`

/** A button that asks how to resume. */
export function ResumeLink({ instance, csrf }: Omit<DecisionProps, 'waiting'>) {
	return <ConfirmLink href={toInstancePath(instance.id, 'resume')} {...toDialog('resume', instance, csrf, 0)} />
}

/** The menu of an instance's head, and the dialogs that its links open: the menu itself closes. */
export function DecisionMenu({ decisions, ...props }: DecisionProps & { decisions: readonly Decision[] }) {
	const { instance, csrf, waiting } = props
	return (
		<>
			<Menu id='instance-menu' label='More actions'>
				{decisions.map((decision) => (
					<MenuLink
						href={toInstancePath(instance.id, decision)}
						dialog={toDialogId(decision)}
						danger={decision === 'delete'}
					>
						{TEXTS[decision].label}
					</MenuLink>
				))}
			</Menu>
			{decisions.map((decision) => (
				<Dialog {...toDialog(decision, instance, csrf, waiting)} />
			))}
		</>
	)
}

function toDialog(decision: Decision, instance: DecisionProps['instance'], csrf: string, waiting: number) {
	const { label, title, button, kind } = TEXTS[decision]
	return {
		id: toDialogId(decision),
		label,
		title: title(instance.name),
		form: { action: toInstancePath(instance.id, decision), csrf },
		footer: (
			<>
				<CloseDialog />
				<Button kind={kind}>{button}</Button>
			</>
		),
		children: <Consequences decision={decision} waiting={waiting} />,
	}
}

/** What the page that asks shows below its heading. */
export function DecisionForm({ decision, instance, csrf, waiting }: DecisionProps & { decision: Decision }) {
	const { kind, button } = TEXTS[decision]
	return (
		<section class='card decision'>
			<div class='body'>
				<Form csrf={csrf} action={toInstancePath(instance.id, decision)}>
					<Consequences decision={decision} waiting={waiting} />
					<div class='actions'>
						<LinkButton href={toInstancePath(instance.id)}>Cancel</LinkButton>
						<Button kind={kind}>{button}</Button>
					</div>
				</Form>
			</div>
		</section>
	)
}

/** The name of the page that asks, and its heading. */
export function getDecisionWords(decision: Decision, instance: { name: string }): { title: string; heading: string } {
	const { label, title } = TEXTS[decision]
	return { title: label, heading: title(instance.name) }
}

function Consequences({ decision, waiting }: { decision: Decision; waiting: number }): Child {
	return (
		<>
			{TEXTS[decision].consequences(waiting).map((text) => (
				<p>{text}</p>
			))}
			{decision === 'resume' ? (
				<Choice
					id='skip'
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
