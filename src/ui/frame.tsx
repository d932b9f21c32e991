/**
 * The frame of every page: bar, main part, foot. Nothing in it comes from another host, and no script stands in the
 * page itself.
 */
import type { Child } from 'hono/jsx'
import { VERSION } from '../lib/version.ts'

/** The places that the bar leads to. */
const SECTIONS = [
	{ name: 'guide', href: '/guide', label: 'Guide' },
	{ name: 'reference', href: '/docs', label: 'API reference' },
] as const

/** A page in its frame. */
export interface FrameProps {
	/** Shown in the tab, before the product's name. */
	title: string
	/** A sentence for whoever lists pages. */
	description?: string
	/** Which place of the bar this page belongs to; null: none. */
	place: (typeof SECTIONS)[number]['name'] | null
	/** Own scripts, by their path; they run when the page is there. */
	scripts?: readonly string[]
	/** Style sheets beside the common one. */
	styles?: readonly string[]
	/** The page brings its own landmarks and foot. */
	bare?: boolean
	children?: Child
}

/** The whole document. `children` hold the `main` element, whose id is `main`. */
export function Frame({ title, description, place, scripts = [], styles = [], bare = false, children }: FrameProps) {
	return (
		<html lang='en'>
			<head>
				<meta charset='utf-8' />
				<meta name='viewport' content='width=device-width, initial-scale=1' />
				<meta name='color-scheme' content='light dark' />
				<title>{`${title} · Shopbell`}</title>
				{description === undefined ? null : <meta name='description' content={description} />}
				<link rel='icon' href='/assets/bell.svg' type='image/svg+xml' />
				{['/assets/shopbell.css', ...styles].map((href) => (
					<link rel='stylesheet' href={href} />
				))}
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
						<img src='/assets/bell.svg' alt='' width='24' height='24' />
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
				{bare ? null : <footer class='foot'>Shopbell {VERSION}. Rings when something changes in a shop.</footer>}
			</body>
		</html>
	)
}
