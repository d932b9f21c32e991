/** The page that connects a store: one form in four steps. */
import type { Child } from 'hono/jsx'
import { Frame } from '../../frame.tsx'
import type { PageMessage, Viewer } from '../../http/environment.ts'
import { Button, LinkButton } from '../../parts/button.tsx'
import { PageHead } from '../../parts/card.tsx'
import { Field } from '../../parts/field.tsx'
import { Form } from '../../parts/form.tsx'
import { MessagePlace, Notice } from '../../parts/notice.tsx'
import { Step } from '../../parts/steps.tsx'
import { EventsFields } from './events-step.tsx'
import { HiddenPart, StepSummary, StoreSummary, SummaryPart } from './form.tsx'
import { FIELD_NAMES } from './model/fields.ts'
import { PollingFields } from './polling-step.tsx'
import { StoreFields } from './store-step.tsx'
import { CONTINUE, errorOf, getStepState, type FormView, type StepName } from './view.ts'

const TITLE = 'Connect a store'

/** The page around its content. */
export function ConnectFrame({
	viewer,
	message,
	children,
}: {
	viewer: Viewer
	message: PageMessage | null
	children?: Child
}) {
	return (
		<Frame
			title={TITLE}
			place='instances'
			crumbs={[{ label: 'Instances', href: '/instances' }, { label: TITLE }]}
			viewer={viewer}
		>
			<PageHead title={TITLE} />
			<MessagePlace>{message === null ? null : <Notice tone={message.kind}>{message.text}</Notice>}</MessagePlace>
			{children}
		</Frame>
	)
}

interface ConnectFormProps {
	view: FormView
	viewer: Viewer
	/** Why it was refused. */
	message: string | null
}

/** The form in its four steps, kept over a reload. `oob`: in a response of an act. */
export function ConnectForm({ oob = false, ...props }: ConnectFormProps & { oob?: boolean }) {
	return (
		<div id='connect' class='connect' hx-swap-oob={oob ? 'outerMorph' : undefined}>
			<sb-keep name='connect' owner={String(props.viewer.user.id)} render='/connect/fields'>
				<Steps {...props} />
			</sb-keep>
		</div>
	)
}

/** The form alone. */
export function Steps({ view, viewer, message }: ConnectFormProps) {
	return (
		<Form
			csrf={viewer.csrf}
			action={view.action}
			target='#connect'
			swap='none'
			message={message}
			problems={view.problems}
		>
			<HiddenPart view={view} />
			<section class='card'>
				<Step
					number={1}
					title='Store'
					id='step-store'
					state={getStepState(view, 'store')}
					summary={<StoreSummary view={view} />}
					open={!view.folded.includes('store')}
				>
					<StoreFields view={view} />
					<Continue step='store' />
				</Step>
				<Step
					number={2}
					title='Events'
					id='step-events'
					state={getStepState(view, 'events')}
					summary={<StepSummary view={view} step='events' />}
					open={!view.folded.includes('events')}
				>
					<EventsFields view={view} />
					<Continue step='events' />
				</Step>
				<Step
					number={3}
					title='Configure Polling'
					id='step-polling'
					state={getStepState(view, 'polling')}
					summary={<StepSummary view={view} step='polling' />}
					open={!view.folded.includes('polling')}
				>
					<PollingFields view={view} />
					<Continue step='polling' />
				</Step>
				<Step number={4} title='Finish' id='step-finish' state={getStepState(view, 'finish')} open>
					<TagsField view={view} />
					<div {...toSummaryAttributes(view)}>
						<SummaryPart view={view} />
					</div>
					<div class='actions'>
						<Button kind='primary' name='do' value='create'>
							Create Instance
						</Button>
					</div>
				</Step>
			</section>
		</Form>
	)
}

/** Folds a step that is finished. */
function Continue({ step }: { step: StepName }) {
	return (
		<div class='actions'>
			<Button name='do' value={`${CONTINUE}${step}`}>
				Continue
			</Button>
		</div>
	)
}

/** Every change of the form renders the summary again, without asking the store. */
function toSummaryAttributes({ action }: Pick<FormView, 'action'>) {
	return {
		'hx-post': `${action}/summary`,
		'hx-trigger': 'change from:#connect',
		'hx-swap': 'none',
		'hx-target': 'this',
		'hx-sync': 'this:replace',
	} as const
}

/** Tags, one on a line. */
export function TagsField({ view }: { view: FormView }) {
	return (
		<Field
			name={FIELD_NAMES.tags}
			label='Tags'
			rows={2}
			value={view.form.tags.join('\n')}
			error={errorOf(view, FIELD_NAMES.tags)}
			hint={`To find instances by, one on a line.${view.instanceId === null ? ' If empty, the name is the tag.' : ''}`}
		/>
	)
}

/** For viewers, who cannot connect a store. */
export function NotAllowed() {
	return (
		<Notice tone='idle'>
			<p>To connect a store you need the role developer. Ask an admin of your organization.</p>
		</Notice>
	)
}

/** The way to the store's own page, where the merchant approves. Browsers do not follow a form to another host. */
export function LeavePage({ url, host }: { url: string; host: string }) {
	return (
		<section class='card calm'>
			<p>Approve access on {host}. The store then sends its key to Shopbell, and you come back here.</p>
			<p class='actions'>
				<LinkButton kind='primary' icon='external-link' href={url}>
					Continue to {host}
				</LinkButton>
				<LinkButton href='/connect'>Back</LinkButton>
			</p>
		</section>
	)
}
