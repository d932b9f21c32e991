/** Parts that ask for something. */
import { Button, type ButtonKind, LinkButton } from '../parts/button.tsx'
import { Choice, Check, Field, Lines, Presets, Select, Switch } from '../parts/field.tsx'
import type { FieldProblem } from '../../lib/values.ts'
import { Form, findProblem } from '../parts/form.tsx'
import { CloseDialog, ConfirmLink, Dialog, Menu, MenuButton, MenuLink } from '../parts/overlay.tsx'
import { Step, StepBadge } from '../parts/steps.tsx'
import type { KitEntry } from './content.tsx'

const KINDS: readonly ButtonKind[] = ['primary', 'plain', 'danger', 'quiet']

const PROBLEMS: readonly FieldProblem[] = [
	{ field: 'site', message: 'Expected an address that begins with https://' },
	{ field: '', message: 'An instance with this name exists' },
]

/** Sections of these parts. */
export const KIT_FORMS: readonly KitEntry[] = [
	{
		name: 'Button, LinkButton',
		content: (
			<>
				{[false, true].map((small) => (
					<p class='actions'>
						{KINDS.map((kind) => (
							<Button type='button' kind={kind} small={small}>
								{kind}
							</Button>
						))}
						<Button type='button' small={small} disabled>
							disabled
						</Button>
						<Button type='button' small={small} icon='refresh-cw'>
							with an icon
						</Button>
						<Button type='button' small={small} icon='trash' iconOnly='Delete' />
						<LinkButton href='#link' small={small}>
							a link
						</LinkButton>
					</p>
				))}
			</>
		),
	},
	{
		name: 'Form, Field, Select, Choice, Switch, Check, Presets',
		content: (
			<section class='card'>
				<div class='body'>
					<Form csrf='kit' action='/kit' problems={PROBLEMS}>
						<TextFields />
						<ChoiceFields />
						<Button kind='primary'>Create Instance</Button>
					</Form>
				</div>
			</section>
		),
	},
	{
		name: 'Form with htmx',
		content: (
			<Form csrf='kit' action='/kit' target='#message' message='The store refused the key. Nothing was changed.'>
				<Button>Try again</Button>
			</Form>
		),
	},
	{
		name: 'Step, StepBadge',
		content: (
			<section class='card'>
				<Step
					number={1}
					title='Store'
					state='done'
					summary='Riverside Outfitters, https://riverside.example, WooCommerce 11.0.1'
				>
					<p>Filled in.</p>
				</Step>
				<Step number={2} title='Events' state='now'>
					<Switch name='kit.step.enabled' label='Events Enabled' checked />
				</Step>
				<Step number={3} title='Configure Polling' state='wrong' summary='Two resources'>
					<p>Something in this step was refused.</p>
				</Step>
				<StepBadge number={9} state='next' id='kit-badge' />
				<Step number={4} title='Finish' state='next' summary='Tags, a summary, and Create Instance.'>
					<p>Later.</p>
				</Step>
			</section>
		),
	},
	{
		name: 'Dialog, CloseDialog, ConfirmLink, Menu, MenuLink, MenuButton',
		content: (
			<div class='actions'>
				<ConfirmLink
					id='kit-delete'
					href='#delete'
					label='Delete'
					kind='danger'
					title='Delete Riverside Outfitters?'
					form={{ action: '/kit', csrf: 'kit' }}
					footer={
						<>
							<CloseDialog />
							<Button kind='danger'>Delete the instance</Button>
						</>
					}
				>
					<p>This cannot be undone.</p>
					<p>3 events wait to be delivered. They will not be delivered.</p>
				</ConfirmLink>
				<Dialog id='kit-info' title='A dialog without a form' footer={<Button type='button'>Close</Button>}>
					<p>What there is to know.</p>
				</Dialog>
				<Menu id='kit-menu' label='More'>
					<MenuLink href='#link'>A link</MenuLink>
					<MenuLink href='#delete' dialog='kit-delete' danger>
						A link that asks
					</MenuLink>
					<Form csrf='kit' action='/kit'>
						<MenuButton name='act' value='pause'>
							A button
						</MenuButton>
					</Form>
				</Menu>
			</div>
		),
	},
]

function TextFields() {
	return (
		<>
			<Field name='kit.name' label='Name' value='Riverside Outfitters' required />
			<Field
				name='site'
				label='The Store URL'
				type='url'
				value='riverside.example'
				error={findProblem(PROBLEMS, 'site')}
				hint='Where the store is reached, such as https://shop.example.com'
			/>
			<Field
				name='kit.callback'
				label='Event Notification Callback URL'
				type='url'
				value='https://api.northwind.example/hooks'
				found='Reachable: a signed test event was answered 200 in 31 ms'
			>
				<Button type='button'>Send a test</Button>
			</Field>
			<Field name='kit.secret' label='OAuth API Secret' secret />
			<Field
				name='kit.interval'
				label='Event poller refresh interval (mins)'
				type='number'
				value={5}
				short
				hint='About 1,900 requests a day to this store.'
			>
				<Presets of='kit-interval' value={5} options={[{ value: 1 }, { value: 5 }, { value: 15 }, { value: 60 }]} />
			</Field>
			<Field name='kit.json' label='Configuration' rows={4} wide value={'{\n  "orders": {}\n}'} optional />
			<Lines text={'Line 2: expected a url\nLine 5: expected a number'} />
			<Field name='kit.disabled' label='Instance' value='12' disabled />
			<Select
				name='kit.zone'
				label='Time zone'
				value='utc'
				hint='In which the store writes its dates.'
				options={[
					{ value: 'utc', label: 'UTC' },
					{ value: 'site', label: 'The store’s own' },
				]}
			/>
		</>
	)
}

function ChoiceFields() {
	return (
		<>
			<Choice
				name='kit.type'
				label='Event Type'
				value='hybrid'
				options={[
					{
						value: 'polling',
						title: 'Polling',
						text: 'Shopbell checks the store every few minutes. A read-only key is enough.',
					},
					{
						value: 'webhook',
						title: 'Webhook',
						text: 'The store notifies Shopbell within seconds. An hourly poll catches what it missed.',
						disabled: true,
					},
					{
						value: 'hybrid',
						title: 'Hybrid',
						recommended: true,
						text: 'Both: seconds when webhooks work, minutes when one is lost.',
					},
				]}
			/>
			<Choice
				name='kit.existing'
				label='Existing objects'
				error='Choose one'
				options={[
					{ value: 'skip', title: 'Skip', text: 'Only what changes from now on.' },
					{ value: 'all', title: 'Send all', text: 'One CREATED event for each.' },
				]}
			/>
			<Switch
				name='kit.enabled'
				label='Events Enabled'
				checked
				hint='Off: the store is connected, and nothing is detected.'
			/>
			<Switch name='kit.off' label='Raw records' checked={false} disabled />
			<div class='resources'>
				<div class='row'>
					<Switch name='kit.customers' label='customers' checked hideLabel />
					<b class='strong'>customers</b>
					<span class='soft hide'>150 found, no modified date: all are re-read hourly</span>
					<span class='soft num hide'>1,010 a day</span>
					<Button type='button' kind='quiet' small icon='pencil' iconOnly='Edit customers' />
				</div>
			</div>
			<Check name='kit.sure' label='I know what this does' hint='It cannot be undone.' />
		</>
	)
}
