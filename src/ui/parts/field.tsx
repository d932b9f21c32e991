/** Fields with their label, hint and error. The ids of hint and error follow from the field's own. */
import type { Child } from 'hono/jsx'
import { Icon } from './icon.tsx'
import { toId } from './text.ts'

interface Common {
	/** Sent with the form. */
	name: string
	label: string
	/** Left out: made of the name. */
	id?: string
	/** How to fill it in, or what follows from it. */
	hint?: Child
	/** What was refused and what is expected, a line each; null: nothing. */
	error?: string | null
	/** What a check found, shown in green. */
	found?: Child
	/** Says so beside the label. */
	optional?: boolean
	required?: boolean
	disabled?: boolean
	/** Beside the input, such as presets or a button. */
	children?: Child
}

type InputAttributes = Partial<{
	placeholder: string
	autocomplete: string
	inputmode: 'numeric' | 'decimal' | 'url' | 'email'
	min: number
	max: number
	step: number
	minlength: number
	maxlength: number
	pattern: string
	list: string
	autofocus: boolean
}>

/** A line of text, a number, a secret, or with `rows` a text of several lines. */
export function Field({
	type = 'text',
	value,
	secret = false,
	rows,
	short = false,
	wide = false,
	attributes = {},
	...field
}: Common & {
	type?: 'text' | 'url' | 'email' | 'number' | 'search' | 'password' | 'date' | 'datetime-local'
	value?: string | number | null
	/** What is typed is hidden, is never sent back, and is not kept over a reload. `value` is ignored. */
	secret?: boolean
	rows?: number
	short?: boolean
	wide?: boolean
	attributes?: InputAttributes
}) {
	const { name, required, disabled, children } = field
	const common = { ...toAria(field), name, required, disabled, ...attributes }
	const text = secret || value == null ? undefined : String(value)
	const input =
		rows === undefined ? (
			<input
				{...common}
				type={secret ? 'password' : type}
				value={text}
				class={short ? 'short' : undefined}
				autocomplete={attributes.autocomplete ?? (secret ? 'off' : undefined)}
			/>
		) : (
			<textarea {...common} rows={rows} class={wide ? 'mono' : undefined}>
				{text}
			</textarea>
		)
	return (
		<Labelled {...field} wide={wide}>
			<Beside input={input}>{children}</Beside>
		</Labelled>
	)
}

/** An input with what stands beside it. */
function Beside({ input, children }: { input: Child; children?: Child }) {
	if (children === undefined) return <>{input}</>
	return (
		<div class='row-of'>
			{input}
			{children}
		</div>
	)
}

/** One of a list. */
export function Select({
	value,
	options,
	...field
}: Common & { value?: string | null; options: readonly { value: string; label: string }[] }) {
	const { name, required, disabled, children } = field
	const input = (
		<select {...toAria(field)} name={name} required={required} disabled={disabled}>
			{options.map((option) => (
				<option value={option.value} selected={option.value === value}>
					{option.label}
				</option>
			))}
		</select>
	)
	return (
		<Labelled {...field}>
			<Beside input={input}>{children}</Beside>
		</Labelled>
	)
}

function Labelled({ wide = false, children, ...field }: Common & { wide?: boolean }) {
	return (
		<div class={wide ? 'field wide' : 'field'}>
			<label for={getId(field)}>
				{field.label}
				{field.optional ? <Optional /> : null}
			</label>
			{children}
			<Notes {...field} />
		</div>
	)
}

/** With a space before it, for those who hear the label. */
const Optional = () => (
	<>
		{' '}
		<span class='optional'>optional</span>
	</>
)

/** What was refused, each on its line. */
export function Lines({ text }: { text: string }) {
	return (
		<span>
			{text.split('\n').map((line, index) => (
				<>
					{index === 0 ? null : <br />}
					{line}
				</>
			))}
		</span>
	)
}

/** Error, finding and hint below a field. */
function Notes({ hint, error = null, found, ...field }: Common) {
	const id = getId(field)
	return (
		<>
			{error === null ? null : (
				<div class='wrong' id={`${id}-error`}>
					<Icon name='circle-alert' />
					<Lines text={error} />
				</div>
			)}
			{found === undefined || error !== null ? null : (
				<div class='found' id={`${id}-found`} role='status'>
					<Icon name='check' />
					<span>{found}</span>
				</div>
			)}
			{hint === undefined ? null : (
				<div class='hint' id={`${id}-hint`}>
					{hint}
				</div>
			)}
		</>
	)
}

function getId({ id, name }: Pick<Common, 'id' | 'name'>): string {
	return id ?? toId(name)
}

/** Names the notes that belong to a field. */
function toAria({ error = null, found, hint, ...field }: Common) {
	const id = getId(field)
	const notes = [
		error === null ? '' : `${id}-error`,
		found === undefined || error !== null ? '' : `${id}-found`,
		hint === undefined ? '' : `${id}-hint`,
	]
	return {
		id,
		'aria-describedby': notes.filter(Boolean).join(' ') || undefined,
		'aria-invalid': error === null ? undefined : 'true',
	}
}

/** One of a few, each on a card that says what it means. */
export function Choice({
	value,
	options,
	...field
}: Common & {
	value?: string | null
	options: readonly { value: string; title: string; text: string; recommended?: boolean; disabled?: boolean }[]
}) {
	const { id, 'aria-describedby': describedBy, 'aria-invalid': invalid } = toAria(field)
	return (
		<fieldset class='field wide' id={id} aria-describedby={describedBy} aria-invalid={invalid}>
			<legend>
				{field.label}
				{field.optional ? <Optional /> : null}
			</legend>
			<div class='choice'>
				{options.map((option) => (
					<label>
						<input
							type='radio'
							name={field.name}
							value={option.value}
							checked={option.value === value}
							required={field.required}
							disabled={field.disabled === true || option.disabled === true}
						/>
						<b>
							{option.title}
							{option.recommended ? <span class='chip tag on'>recommended</span> : null}
							<Icon name='circle-check' />
						</b>
						<span>{option.text}</span>
					</label>
				))}
			</div>
			{field.children}
			<Notes {...field} />
		</fieldset>
	)
}

/** On or off, drawn as a switch. */
export function Switch({
	checked,
	hideLabel = false,
	...field
}: Common & {
	checked: boolean
	/** Screen readers alone have the label, as in a row of a table. */ hideLabel?: boolean
}) {
	const input = (
		<input
			{...toAria(field)}
			type='checkbox'
			role='switch'
			class='switch'
			name={field.name}
			value='true'
			checked={checked}
			disabled={field.disabled}
			aria-label={hideLabel ? field.label : undefined}
		/>
	)
	if (hideLabel) return input
	return (
		<div class='field'>
			<label class='check'>
				{input}
				{field.label}
			</label>
			<Notes {...field} />
		</div>
	)
}

/** A box to tick. */
export function Check({ checked = false, value = 'true', ...field }: Common & { checked?: boolean; value?: string }) {
	return (
		<div class='field'>
			<label class='check'>
				<input
					{...toAria(field)}
					type='checkbox'
					name={field.name}
					value={value}
					checked={checked}
					disabled={field.disabled}
					required={field.required}
				/>
				{field.label}
			</label>
			<Notes {...field} />
		</div>
	)
}

/** Usual values of the field with this id. Buttons of `sb-presets`: without JavaScript there are none. */
export function Presets({
	of,
	value,
	options,
}: {
	of: string
	value?: string | number | null
	options: readonly { value: string | number; label?: string }[]
}) {
	return (
		<sb-presets for={of} class='presets'>
			{options.map((option) => (
				<button
					type='button'
					class={String(option.value) === String(value) ? 'chip on' : 'chip'}
					value={String(option.value)}
					aria-pressed={String(option.value) === String(value) ? 'true' : 'false'}
				>
					{option.label ?? option.value}
				</button>
			))}
		</sb-presets>
	)
}
