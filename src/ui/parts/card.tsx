/** Cards, and the rows and figures in them. */
import type { Child } from 'hono/jsx'
import { Icon, type IconName } from './icon.tsx'
import { type Tone, Dot } from './state.tsx'

/** A card. With a title it is a section of the page. */
export function Card({
	title,
	note,
	right,
	id,
	plain = false,
	children,
}: {
	title?: Child
	/** Small, after the title: a number. */
	note?: Child
	/** At the right of the title: chips, links, buttons. */
	right?: Child
	id?: string
	/** The content has its own distances, as a table has. */
	plain?: boolean
	children?: Child
}) {
	return (
		<section class='card' id={id}>
			{title === undefined ? null : (
				<header>
					<h2>{title}</h2>
					{note === undefined ? null : <span class='meta'>{note}</span>}
					{right === undefined ? null : <div class='right'>{right}</div>}
				</header>
			)}
			{plain ? children : <div class='body'>{children}</div>}
		</section>
	)
}

/** One of the three cards that say how something is: a dot, a sentence, and what is behind it. */
export function Says({ tone, title, note, children }: { tone: Tone; title: string; note?: Child; children?: Child }) {
	return (
		<section class='card'>
			<h2 class='state'>
				<Dot tone={tone} />
				{title}
			</h2>
			<p>{children}</p>
			{note === undefined ? null : <span class='meta'>{note}</span>}
		</section>
	)
}

/** Something that somebody has to decide: one sentence, and one button that leads there. */
export function Need({ tone, action, children }: { tone: Tone; action?: Child; children?: Child }) {
	return (
		<div class='need'>
			<Dot tone={tone} spoken />
			<p>{children}</p>
			{action}
		</div>
	)
}

/** Numbers of a page, each with its name above and an explanation below. */
export function Figures({ figures }: { figures: readonly { name: string; value: Child; note?: Child }[] }) {
	return (
		<section class='card figures'>
			{figures.map(({ name, value, note }) => (
				<div>
					<span class='meta'>{name}</span>
					<b>{value}</b>
					{note === undefined ? null : <span class='meta'>{note}</span>}
				</div>
			))}
		</section>
	)
}

/** Nothing is here: why, and what to do. */
export function Empty({
	title,
	icon = 'inbox',
	action,
	children,
}: {
	title: string
	icon?: IconName
	action?: Child
	children?: Child
}) {
	return (
		<div class='empty'>
			<Icon name={icon} />
			<h2>{title}</h2>
			<p>{children}</p>
			{action === undefined ? null : <div class='actions'>{action}</div>}
		</div>
	)
}

/** The head of a page: its heading, what identifies it, and what can be done. */
export function PageHead({ title, meta, actions }: { title: Child; meta?: Child; actions?: Child }) {
	return (
		<div class='head'>
			<div>
				<h1>{title}</h1>
				{meta === undefined ? null : <div class='meta'>{meta}</div>}
			</div>
			{actions === undefined ? null : <div class='actions'>{actions}</div>}
		</div>
	)
}
