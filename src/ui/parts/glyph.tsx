/** Small marks: kinds of changes, chips, tabs. */
import type { Child } from 'hono/jsx'

const GLYPHS = { CREATED: ['+', 'created'], UPDATED: ['~', 'updated'], DELETED: ['−', 'deleted'] } as const

/** What happened to an object, in neutral colours: `+`, `~` or `−`, and its word for screen readers. */
export function Glyph({ type }: { type: keyof typeof GLYPHS }) {
	const [mark, word] = GLYPHS[type]
	return (
		<span class='glyph' title={word}>
			<span aria-hidden='true'>{mark}</span>
			<span class='spoken'>{word}</span>
		</span>
	)
}

/**
 * A chip: a fact, or with `href` a choice. `on`: the choice that is current. `part`: what is replaced where there is
 * JavaScript, instead of the page.
 */
export function Chip({
	href,
	part,
	on = false,
	children,
}: {
	href?: string
	part?: { url: string; target: string }
	on?: boolean
	children?: Child
}) {
	const enhanced =
		part === undefined
			? {}
			: { 'hx-get': part.url, 'hx-target': part.target, 'hx-swap': 'outerHTML', 'hx-push-url': href }
	const name = on ? 'chip on' : 'chip'
	if (href === undefined) return <span class={name}>{children}</span>
	return (
		<a class={name} href={href} aria-current={on ? 'true' : undefined} {...enhanced}>
			{children}
		</a>
	)
}

/** Pages of one thing. */
export function Tabs({
	label,
	tabs,
	current,
}: {
	label: string
	tabs: readonly { name: string; label: string; href: string }[]
	current: string
}) {
	return (
		<nav class='tabs' aria-label={label}>
			{tabs.map((tab) => (
				<a href={tab.href} aria-current={tab.name === current ? 'page' : undefined}>
					{tab.label}
				</a>
			))}
		</nav>
	)
}
