/**
 * The layout of every page: a rail with the places of Shopbell (at the bottom of small screens), a bar with the way to
 * this page where it has parents, and the page. It loads nothing from other hosts and has no inline scripts.
 */
import type { Child } from 'hono/jsx'
import { ASSETS } from '#assets'
import { Icon, type IconName } from './parts/icon.tsx'

const SIGN_IN_PATH = '/sign-in'
const SIGN_OUT_PATH = '/sign-out'
const SESSIONS_PATH = '/account/sessions'

/** A place in the rail. */
export type Place = 'home' | 'instances' | 'guide' | 'reference'

interface PlaceLink {
	name: Place
	href: string
	label: string
	icon: IconName
}

/** Back loads the page instead of swapping its body; indicators have our styles. */
const HTMX_CONFIG = JSON.stringify({ history: 'reload', includeIndicatorCSS: false, defaultTimeout: 30_000 })

/** Places of those who are signed in. */
const WORK: readonly PlaceLink[] = [
	{ name: 'home', href: '/', label: 'Home', icon: 'house' },
	{ name: 'instances', href: '/instances', label: 'Instances', icon: 'store' },
]

const REFERENCE: PlaceLink = { name: 'reference', href: '/docs', label: 'API reference', icon: 'code-xml' }

/** Places of everybody. */
const HELP: readonly PlaceLink[] = [{ name: 'guide', href: '/guide', label: 'Guide', icon: 'book-open' }, REFERENCE]

/** Who looks at the page, as far as the frame shows it. */
export interface FrameViewer {
	user: { email: string; firstName?: string | null; lastName?: string | null; role: string; organizationName: string }
	/** Token of the viewer's session against forged forms. */
	csrf: string
	/** The server's clock, epoch ms, with which the browser corrects the viewer's. */
	nowMs?: number
}

/** A step of the way to a page. The last one is the page itself and has no address. */
export interface Crumb {
	label: string
	href?: string
}

/** A page in its frame. */
interface FrameProps {
	/** Shown in the tab, before the product's name. */
	title: string
	/** For search engines. */
	description?: string
	/** The place that is current; null: none. */
	place: Place | null
	/** The way to this page. Left out: its title alone. */
	crumbs?: readonly Crumb[]
	/** Null or left out: nobody is signed in. */
	viewer?: FrameViewer | null
	/** When the page was made, epoch ms: clocks of viewers may be wrong. */
	now?: number
	/** Number of things that need attention, beside Home. */
	attention?: number
	/** URLs of further scripts, which run when the page is loaded. Pages of those who are signed in have htmx. */
	scripts?: readonly string[]
	/** URLs of further style sheets. */
	styles?: readonly string[]
	/** The content fills the page and brings its own styles. */
	bare?: boolean
	children?: Child
}

/** The whole document. `children` are the content of its `main`. */
export function Frame({
	place,
	crumbs,
	viewer = null,
	now,
	attention = 0,
	bare = false,
	children,
	...head
}: FrameProps) {
	const { scripts = [] } = head
	const way = crumbs ?? [{ label: head.title }]
	return (
		<html lang='en' data-now={now ?? viewer?.nowMs}>
			<Head {...head} enhanced scripts={viewer === null ? scripts : [ASSETS['htmx.js'], ...scripts]} />
			<body>
				<a class='skip' href='#main'>
					Skip to the content
				</a>
				<div class={bare ? 'app bare' : 'app'}>
					<Rail place={place} viewer={viewer} attention={attention} />
					<div>
						{way.length > 1 || bare ? (
							<div class='top'>
								<Crumbs crumbs={way} />
							</div>
						) : null}
						<main id='main' tabindex={-1}>
							{children}
						</main>
					</div>
				</div>
			</body>
		</html>
	)
}

/** Pages of one thing to do, in a narrow column and without the rail: sign in, links, messages. */
export function NarrowFrame({
	wide = false,
	below,
	children,
	...head
}: HeadProps & { wide?: boolean; below?: Child; children?: Child }) {
	return (
		<html lang='en'>
			<Head {...head} />
			<body>
				<div class='narrow'>
					<header>
						<Brand />
					</header>
					<main id='main' class={wide ? 'wide' : undefined}>
						{children}
					</main>
					{below === undefined ? null : <footer class='below'>{below}</footer>}
				</div>
			</body>
		</html>
	)
}

type HeadProps = Pick<FrameProps, 'title' | 'description' | 'scripts' | 'styles'> & {
	/** The page loads the module with our elements. */
	enhanced?: boolean
	/** Seconds after which the browser reloads the page. */
	refresh?: number
	/** Search engines leave the page out. */
	unlisted?: boolean
}

function Head({
	title,
	description,
	enhanced = false,
	scripts = [],
	styles = [],
	refresh,
	unlisted = false,
}: HeadProps) {
	return (
		<head>
			<meta charset='utf-8' />
			<meta name='viewport' content='width=device-width, initial-scale=1' />
			<meta name='color-scheme' content='light dark' />
			{refresh === undefined ? null : <meta http-equiv='refresh' content={String(refresh)} />}
			{unlisted ? <meta name='robots' content='noindex' /> : null}
			<title>{`${title} · Shopbell`}</title>
			{description === undefined ? null : <meta name='description' content={description} />}
			<link rel='icon' href={ASSETS['bell.svg']} type='image/svg+xml' />
			{[ASSETS['shopbell.css'], ...styles].map((href) => (
				<link rel='stylesheet' href={href} />
			))}
			{enhanced ? <meta name='htmx-config' content={HTMX_CONFIG} /> : null}
			{enhanced ? <script src={ASSETS['shopbell.js']} type='module' /> : null}
			{scripts.map((src) => (
				<script src={src} defer />
			))}
		</head>
	)
}

function Brand() {
	return (
		<a class='brand' href='/'>
			<img src={ASSETS['bell.svg']} alt='' width='20' height='20' />
			Shopbell
		</a>
	)
}

function Rail({ place, viewer, attention }: { place: Place | null; viewer: FrameViewer | null; attention: number }) {
	return (
		<nav class='rail' aria-label='Main'>
			<Brand />
			{viewer === null ? (
				<>
					<HelpLinks place={place} />
					<div class='gap' />
					<a class='item' href={SIGN_IN_PATH}>
						<Icon name='log-in' />
						<span>Sign in</span>
					</a>
				</>
			) : (
				<>
					<p class='org'>{viewer.user.organizationName}</p>
					{WORK.map((link) => (
						<RailLink link={link} place={place} count={link.name === 'home' ? attention : 0} />
					))}
					<div class='gap' />
					<HelpLinks place={place} />
					<Account viewer={viewer} place={place} />
				</>
			)}
		</nav>
	)
}

function HelpLinks({ place }: { place: Place | null }) {
	return (
		<>
			{HELP.map((link) => (
				<RailLink link={link} place={place} />
			))}
		</>
	)
}

function RailLink({ link, place, count = 0 }: { link: PlaceLink; place: Place | null; count?: number }) {
	return (
		<a class='item' href={link.href} aria-current={link.name === place ? 'page' : undefined}>
			<Icon name={link.icon} />
			<span>{link.label}</span>
			{count === 0 ? null : (
				<span class='count'>
					{count}
					<span class='spoken'> {count === 1 ? 'needs attention' : 'need attention'}</span>
				</span>
			)}
		</a>
	)
}

/**
 * The user at the foot of the rail, with a menu that the browser opens by itself. On small screens it is *More*, with
 * what the bar has no place for.
 */
function Account({ viewer: { user, csrf }, place }: { viewer: FrameViewer; place: Place | null }) {
	const name = [user.firstName, user.lastName].filter(Boolean).join(' ') || user.email
	return (
		<>
			<button type='button' class='item me' popovertarget='account'>
				<Icon name='circle-user' />
				<span>{name}</span>
				<Icon name='chevrons-up-down' />
				<Icon name='ellipsis' />
				<span>More</span>
			</button>
			<div id='account' class='menu' popover='auto' role='group' aria-label='Account'>
				<div class='about'>
					<div>{name}</div>
					<div class='meta'>
						{name === user.email ? null : `${user.email}, `}
						{user.role} of {user.organizationName}
					</div>
				</div>
				<RailLink link={REFERENCE} place={place} />
				<a class='item' href={SESSIONS_PATH}>
					<Icon name='key-round' />
					<span>Your sessions</span>
				</a>
				<form method='post' action={SIGN_OUT_PATH}>
					<input type='hidden' name='csrf' value={csrf} />
					<button class='item'>
						<Icon name='log-out' />
						<span>Sign out</span>
					</button>
				</form>
			</div>
		</>
	)
}

function Crumbs({ crumbs }: { crumbs: readonly Crumb[] }) {
	return (
		<nav aria-label='Breadcrumbs'>
			<ol class='crumbs'>
				{crumbs.map(({ label, href }) => (
					<li>{href === undefined ? <span aria-current='page'>{label}</span> : <a href={href}>{label}</a>}</li>
				))}
			</ol>
		</nav>
	)
}
