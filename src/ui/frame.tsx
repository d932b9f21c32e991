/** The layout of every page: header, content, footer. It loads nothing from other hosts and has no inline scripts. */
import type { Child } from 'hono/jsx'
import { ASSETS } from '#assets'
import { VERSION } from '../lib/version.ts'

/** Links of the header. */
const SECTIONS = [
	{ name: 'guide', href: '/guide', label: 'Guide' },
	{ name: 'reference', href: '/docs', label: 'API reference' },
] as const

/** A page in its frame. */
interface FrameProps {
	/** Shown in the tab, before the product's name. */
	title: string
	/** For search engines. */
	description?: string
	/** The header link that is current; null: none. */
	place: (typeof SECTIONS)[number]['name'] | null
	/** Paths of scripts, which run when the page is loaded. */
	scripts?: readonly string[]
	/** Paths of further style sheets. */
	styles?: readonly string[]
	/** The page has no footer. */
	bare?: boolean
	children?: Child
}

/** The whole document. `children` hold an element with the id `main`. */
export function Frame({ title, description, place, scripts = [], styles = [], bare = false, children }: FrameProps) {
	return (
		<html lang='en'>
			<head>
				<meta charset='utf-8' />
				<meta name='viewport' content='width=device-width, initial-scale=1' />
				<meta name='color-scheme' content='light dark' />
				<title>{`${title} · Shopbell`}</title>
				{description === undefined ? null : <meta name='description' content={description} />}
				<link rel='icon' href={ASSETS['bell.svg']} type='image/svg+xml' />
				{[ASSETS['shopbell.css'], ...styles].map((href) => (
					<link rel='stylesheet' href={href} />
				))}
				<script src={ASSETS['shopbell.js']} type='module' />
				{scripts.map((src) => (
					<script src={src} defer />
				))}
			</head>
			<body>
				<a class='skip' href='#main'>
					Skip to the content
				</a>
				<header class='bar'>
					<a class='home' href='/'>
						<img src={ASSETS['bell.svg']} alt='' width='24' height='24' />
						Shopbell
					</a>
					<nav aria-label='Main'>
						{SECTIONS.map(({ name, href, label }) => (
							<a href={href} aria-current={name === place ? 'true' : undefined}>
								{label}
							</a>
						))}
					</nav>
				</header>
				{children}
				{bare ? null : (
					<footer class='foot'>Shopbell {VERSION}. Signed notifications when something changes in a store.</footer>
				)}
			</body>
		</html>
	)
}
