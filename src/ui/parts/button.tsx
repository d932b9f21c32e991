/** Buttons, and links that look like them. */
import type { Child } from 'hono/jsx'
import { Icon, type IconName } from './icon.tsx'

/** How a button looks. `primary`: the one thing that a page is for. `quiet`: without a border. */
export type ButtonKind = 'plain' | 'primary' | 'danger' | 'quiet'

interface Look {
	kind?: ButtonKind
	small?: boolean
	icon?: IconName
	/** The icon alone is shown; screen readers and the tooltip have this text. */
	iconOnly?: string
	children?: Child
}

/** A button. Inside a form it submits, unless `type` says otherwise. */
export function Button({
	type = 'submit',
	name,
	value,
	disabled = false,
	opensMenu,
	closesDialog = false,
	action,
	form,
	...look
}: Look & {
	type?: 'submit' | 'button'
	/** Sent with the form when this button submits it. */
	name?: string
	value?: string
	disabled?: boolean
	/** Id of the menu that the button opens. */
	opensMenu?: string
	/** Closes the dialog around it and sends nothing. */
	closesDialog?: boolean
	/** Where this button sends the form, instead of its own action. */
	action?: string
	/** Id of the form that it submits, when it stands outside. */
	form?: string
}) {
	return (
		<button
			class={toClass(look)}
			type={opensMenu === undefined ? type : 'button'}
			name={name}
			value={value}
			disabled={disabled}
			popovertarget={opensMenu}
			formmethod={closesDialog ? 'dialog' : undefined}
			formnovalidate={closesDialog}
			formaction={action}
			form={form}
			aria-label={look.iconOnly}
			title={look.iconOnly}
		>
			<Content {...look} />
		</button>
	)
}

/** A link that looks like a button. It leads to another page and changes nothing. */
export function LinkButton({ href, rel, ...look }: Look & { href: string; rel?: 'next' | 'prev' }) {
	return (
		<a class={toClass(look)} href={href} rel={rel} aria-label={look.iconOnly} title={look.iconOnly}>
			<Content {...look} />
		</a>
	)
}

function Content({ icon, iconOnly, children }: Look) {
	return (
		<>
			{icon === undefined ? null : <Icon name={icon} />}
			{iconOnly === undefined ? children : null}
		</>
	)
}

function toClass({ kind = 'plain', small = false, iconOnly }: Look): string {
	const words = ['btn', kind === 'plain' ? '' : kind, small ? 'small' : '', iconOnly === undefined ? '' : 'square']
	return words.filter(Boolean).join(' ')
}
