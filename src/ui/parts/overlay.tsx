/** Dialogs and menus of the platform. */
import type { Child } from 'hono/jsx'
import { Button, type ButtonKind, LinkButton } from './button.tsx'
import { Form } from './form.tsx'
import type { IconName } from './icon.tsx'

interface DialogProps {
	id: string
	title: string
	/** The form that the dialog sends: where, and the token of the session. */
	form?: { action: string; csrf: string; target?: string; swap?: 'outerHTML' | 'innerHTML' | 'none' }
	/** Its buttons. `CloseDialog` closes it. */
	footer: Child
	/** What will happen. */
	children?: Child
}

/** A dialog, closed until its opener opens it. */
export function Dialog({ id, title, form, footer, children }: DialogProps) {
	const content = (
		<>
			<div class='body'>{children}</div>
			<footer>{footer}</footer>
		</>
	)
	return (
		<dialog id={id} aria-labelledby={`${id}-title`}>
			<header>
				<h2 id={`${id}-title`}>{title}</h2>
			</header>
			{form === undefined ? content : <Form {...form}>{content}</Form>}
		</dialog>
	)
}

/** Closes the dialog around it and sends nothing. */
export function CloseDialog({ children = 'Cancel' }: { children?: Child }) {
	return <Button closesDialog>{children}</Button>
}

/** A link to a page that asks. Where there is JavaScript, it opens the dialog that asks the same. */
export function ConfirmLink({
	href,
	label,
	kind,
	icon,
	small,
	...dialog
}: DialogProps & {
	href: string
	/** With `icon`: text, which the icon stands for. */
	label: string
	kind?: ButtonKind
	icon?: IconName
	small?: boolean
}) {
	return (
		<sb-confirm>
			<LinkButton href={href} kind={kind} icon={icon} iconOnly={icon === undefined ? undefined : label} small={small}>
				{label}
			</LinkButton>
			<Dialog {...dialog} />
		</sb-confirm>
	)
}

/** A button that opens a menu of links and forms. */
export function Menu({
	id,
	label,
	icon = 'ellipsis',
	children,
}: {
	id: string
	label: string
	icon?: IconName
	children?: Child
}) {
	return (
		<>
			<Button opensMenu={id} icon={icon} iconOnly={label} />
			<div class='menu' id={id} popover='auto' role='group' aria-label={label}>
				{children}
			</div>
		</>
	)
}

/** A link in a menu. `dialog`: id of the dialog that asks what its page asks, and opens where there is JavaScript. */
export function MenuLink({
	href,
	dialog,
	danger = false,
	children,
}: {
	href: string
	dialog?: string
	/** What it leads to cannot be undone. */
	danger?: boolean
	children?: Child
}) {
	const link = (
		<a class={danger ? 'item danger' : 'item'} href={href}>
			<span>{children}</span>
		</a>
	)
	return dialog === undefined ? link : <sb-confirm dialog={dialog}>{link}</sb-confirm>
}

/** A button in a menu, inside its form. */
export function MenuButton({ name, value, children }: { name?: string; value?: string; children?: Child }) {
	return (
		<button class='item' name={name} value={value}>
			<span>{children}</span>
		</button>
	)
}
