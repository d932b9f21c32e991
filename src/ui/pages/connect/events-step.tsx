/** Step 2: how changes are detected, and where they go. */
import { Button } from '../../parts/button.tsx'
import { Check, Choice, Field, Presets, Select, Switch } from '../../parts/field.tsx'
import { toId } from '../../parts/text.ts'
import { toRequestsFinding } from './findings.ts'
import { BACKFILL, CALLBACK, ENABLED, EVENT_TYPE, INTERVAL, POLLER, RECONCILE, VARIATIONS } from './model/form.ts'
import { FIELD_NAMES } from './model/fields.ts'
import { Part, type PartProps } from './part.tsx'
import { toCheckAttributes } from './store-step.tsx'
import { errorOf, SECRET_KEYS, SIGNATURE, type Catalog, type FormView } from './view.ts'

const TYPES = [
	{
		value: 'polling',
		title: 'Polling',
		text:
			'Shopbell checks the store every few minutes and finds what was created, updated and deleted. ' +
			'A read-only key is enough.',
	},
	{
		value: 'webhook',
		title: 'Webhook',
		text:
			'The store notifies Shopbell within seconds. A poll every hour finds what it missed. ' +
			'Needs a key with read/write rights.',
	},
	{
		value: 'hybrid',
		title: 'Hybrid',
		recommended: true,
		text: 'Both: seconds when webhooks work, minutes when one is lost. Needs a key with read/write rights.',
	},
]

const MINUTES = [1, 5, 15, 60].map((value) => ({ value }))

/** The fields of the step. */
export function EventsFields({ view }: { view: FormView }) {
	return (
		<>
			<Switch name={ENABLED} label='Events Enabled' checked={view.form.eventsEnabled} />
			<div class='with-events'>
				<div {...toCheckAttributes(view)}>
					<TypePart view={view} />
				</div>
				<CallbackPart view={view} />
				<div {...toCheckAttributes(view)}>
					<IntervalPart view={view} />
				</div>
				<OptionalDetails view={view} />
			</div>
		</>
	)
}

/** The event type, and why webhooks are not possible. */
export function TypePart({ view, oob = false }: PartProps<FormView>) {
	return (
		<Part id='cf-type' oob={oob}>
			<Choice
				name={EVENT_TYPE}
				label='Event Type'
				value={view.form.keys[EVENT_TYPE] ?? null}
				options={TYPES}
				error={errorOf(view, EVENT_TYPE)}
			/>
		</Part>
	)
}

/** The callback, and how it answered. */
export function CallbackPart({ view, oob = false }: PartProps<FormView>) {
	const { form, check } = view
	const callback = check?.callback ?? null
	const failure = callback !== null && !callback.ok ? callback.message : null
	return (
		<Part id='cf-callback' oob={oob}>
			<div class='with-callback'>
				<Field
					name={CALLBACK}
					label='Event Notification Callback URL'
					value={form.keys[CALLBACK] ?? ''}
					error={errorOf(view, CALLBACK) ?? failure}
					found={callback?.ok === true ? callback.message : undefined}
					hint='Each change is sent there as a POST, signed if there is a signature key.'
					attributes={{ inputmode: 'url', autocomplete: 'off' }}
				>
					<Button name='do' value='callback' icon='send'>
						Send a test event
					</Button>
				</Field>
			</div>
			<Check
				name={FIELD_NAMES.delivery}
				value='log'
				label='Store events in the log only'
				checked={form.delivery === 'log'}
			/>
		</Part>
	)
}

/** How often the store is polled, and what that costs it. */
export function IntervalPart({ view, oob = false }: PartProps<FormView>) {
	const { keys } = view.form
	const cost = toRequestsFinding(view.check)
	return (
		<Part id='cf-interval' oob={oob}>
			<div class='if-polled'>
				<Field
					name={INTERVAL}
					label='Event poller refresh interval (mins)'
					short
					value={keys[INTERVAL] ?? ''}
					error={errorOf(view, INTERVAL)}
					hint={cost ?? 'Check the store to see the requests a day.'}
					attributes={{ inputmode: 'decimal' }}
				>
					<Presets of={toId(INTERVAL)} value={keys[INTERVAL] ?? ''} options={MINUTES} />
				</Field>
			</div>
			<div class='if-webhook'>
				<Field
					name={RECONCILE}
					label='Reconcile Interval (mins)'
					short
					value={keys[RECONCILE] ?? ''}
					error={errorOf(view, RECONCILE)}
					hint={`Minutes between polls beside webhooks: 60 if empty, 0 for none. ${cost ?? ''}`}
					attributes={{ inputmode: 'decimal', placeholder: '60' }}
				/>
			</div>
		</Part>
	)
}

const BASIC_USER = 'event.notification.basic.username'
const BASIC_PASSWORD = 'event.notification.basic.password'
const HEADERS = 'event.notification.callback.headers'

/** The optional fields, open where something in them is to correct. */
export function OptionalDetails({ view, oob = false }: PartProps<FormView>) {
	return (
		<details
			class='behind'
			id='cf-optional-details'
			open={hasOptionalProblem(view)}
			hx-swap-oob={oob ? 'outerMorph' : undefined}
		>
			<summary>Show optional fields</summary>
			<div class='body'>
				<OptionalPart view={view} />
			</div>
		</details>
	)
}

/** Signature, Basic auth, headers, and the settings that most instances leave as they are. */
export function OptionalPart({ view, oob = false }: PartProps<FormView>) {
	return (
		<Part id='cf-optional' oob={oob}>
			<SignatureField view={view} />
			<RemoveStored view={view} name={SIGNATURE} label='Remove the stored signature key' />
			<Field
				name={BASIC_USER}
				label='Callback Basic Auth User Name'
				value={view.form.keys[BASIC_USER] ?? ''}
				error={errorOf(view, BASIC_USER)}
				attributes={{ autocomplete: 'off' }}
			/>
			<Field
				name={BASIC_PASSWORD}
				label='Callback Basic Auth Password'
				secret
				error={errorOf(view, BASIC_PASSWORD)}
				attributes={{ placeholder: toPlaceholder(view, BASIC_PASSWORD) }}
			/>
			<RemoveStored view={view} name={BASIC_PASSWORD} label='Remove the stored password' />
			<div data-secret='true'>
				<Field
					name={HEADERS}
					label='Callback Headers'
					secret
					rows={3}
					error={errorOf(view, HEADERS)}
					hint='Up to five, one on a line: Name: value'
					attributes={{ placeholder: toPlaceholder(view, HEADERS) }}
				/>
			</div>
			<RemoveStored view={view} name={HEADERS} label='Remove the stored headers' />
			{view.catalog.configuration.filter(isFurther).map((item) => (
				<FurtherField view={view} item={item} />
			))}
		</Part>
	)
}

function SignatureField({ view }: { view: FormView }) {
	const { generatedKey } = view
	const isStored = view.instanceId !== null && view.storedKeys.includes(SIGNATURE)
	return (
		<div data-secret='true'>
			<Field
				name={SIGNATURE}
				label='Callback Notification Signature Key'
				secret={generatedKey === null}
				value={generatedKey}
				error={errorOf(view, SIGNATURE)}
				hint={
					generatedKey === null
						? isStored
							? 'A key entered here replaces the stored one immediately. To change it without a gap, rotate it below.'
							: 'Signs each notification, so that your receiver can tell that it is genuine.'
						: 'Copy it into your receiver now.'
				}
				attributes={{ placeholder: toPlaceholder(view, SIGNATURE), autocomplete: 'off' }}
			>
				<Button name='do' value='generate' icon='key-round'>
					Generate
				</Button>
			</Field>
		</div>
	)
}

function RemoveStored({ view, name, label }: { view: FormView; name: string; label: string }) {
	return view.storedKeys.includes(name) ? <Check name={`remove-${toId(name)}`} value={name} label={label} /> : null
}

function toPlaceholder({ sealedKeys, storedKeys }: FormView, key: string): string | undefined {
	if (sealedKeys.includes(key)) return 'Kept as you entered it'
	return storedKeys.includes(key) ? 'Stored. Leave empty to keep it' : undefined
}

type CatalogKey = Catalog['configuration'][number]

const SHOWN_KEYS: ReadonlySet<string> = new Set([
	...['store.url', ENABLED, EVENT_TYPE, CALLBACK, INTERVAL, RECONCILE, POLLER, VARIATIONS, BACKFILL, BASIC_USER],
	'event.poller.urls',
	...SECRET_KEYS,
])

function isFurther({ key }: CatalogKey): boolean {
	return !SHOWN_KEYS.has(key)
}

/** Whether something in the optional fields is to correct. */
export function hasOptionalProblem({ problems, catalog }: FormView): boolean {
	const names = new Set([
		SIGNATURE,
		BASIC_USER,
		BASIC_PASSWORD,
		HEADERS,
		...catalog.configuration.filter(isFurther).map(({ key }) => key),
	])
	return problems.some(({ field }) => names.has(field))
}

/** A setting as the catalog describes it. */
function FurtherField({ view, item }: { view: FormView; item: CatalogKey }) {
	const common = {
		name: item.key,
		label: item.name,
		error: errorOf(view, item.key),
		hint: item.description,
	}
	const value = view.form.keys[item.key] ?? ''
	const standard = item.defaultValue === undefined ? 'Default' : `Default (${toTitle(item, item.defaultValue)})`
	if (item.type === 'BOOLEAN' || item.options !== null) {
		const options = item.options ?? [
			{ value: 'true', name: 'Yes' },
			{ value: 'false', name: 'No' },
		]
		return (
			<Select
				{...common}
				value={value}
				options={[
					{ value: '', label: standard },
					...options.map((option) => ({ value: option.value, label: option.name })),
				]}
			/>
		)
	}
	return (
		<Field
			{...common}
			short={item.type === 'NUMBER'}
			value={value}
			attributes={{
				placeholder: item.defaultValue,
				...(item.type === 'NUMBER' ? { inputmode: 'decimal' as const } : {}),
				...(item.maximumLength === null ? {} : { maxlength: item.maximumLength }),
			}}
		/>
	)
}

function toTitle(item: CatalogKey, value: string): string {
	if (item.type === 'BOOLEAN') return value === 'true' ? 'Yes' : 'No'
	return item.options?.find((option) => option.value === value)?.name ?? value
}
