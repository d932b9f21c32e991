/** The users' guide: `/guide` and `/guide/{page}`. */
import { raw } from 'hono/html'
import { GUIDE } from '#assets'
import type { Api } from '../../api/http/serve.ts'
import type { PageContext, Viewer } from '../http/environment.ts'
import { findViewer } from '../http/session.ts'
import { respondWithPage } from '../respond.ts'
import { VERSION } from '../../lib/version.ts'
import { Frame, type Crumb } from '../frame.tsx'
import { getGuidePage, readGuidePage, type GuidePage } from './pages.ts'

/** Mounts the guide. */
export function mountGuide(app: Api): void {
	app.get('/guide', async (c) => {
		const viewer = await findViewer(c as unknown as PageContext)
		return await respondWithGuidePage(c.env.ASSETS, getGuidePage()!, viewer)
	})
	app.get('/guide/:page', async (c) => {
		const page = getGuidePage(c.req.param('page'))
		// The first page is only at /guide.
		if (page !== undefined && page.path !== c.req.path) return c.redirect(page.path, 301)
		const viewer = await findViewer(c as unknown as PageContext)
		return page === undefined ? await respondNotFound(viewer) : await respondWithGuidePage(c.env.ASSETS, page, viewer)
	})
}

async function respondWithGuidePage(assets: Fetcher, page: GuidePage, viewer: Viewer | null): Promise<Response> {
	const index = GUIDE.indexOf(page)
	const [previous, next] = [GUIDE[index - 1], GUIDE[index + 1]]
	const html = await readGuidePage(assets, page)
	return await respondWithPage(
		<Frame title={page.title} place='guide' crumbs={toCrumbs(page.title)} viewer={viewer}>
			<div class='guide'>
				<FoldedPageList current={page} />
				<article class='text'>
					{raw(html)}
					<nav class='onward' aria-label='Next and previous page'>
						{previous === undefined ? <span /> : <a href={previous.path} rel='prev'>{`← ${previous.title}`}</a>}
						{next === undefined ? null : <a href={next.path} rel='next'>{`${next.title} →`}</a>}
					</nav>
				</article>
				<PageList current={page} />
			</div>
		</Frame>,
		{ viewer },
	)
}

async function respondNotFound(viewer: Viewer | null): Promise<Response> {
	return await respondWithPage(
		<Frame title='Page not found' place='guide' crumbs={toCrumbs('Page not found')} viewer={viewer}>
			<article class='text'>
				<h1>Page not found</h1>
				<p>The guide has no page of this name. These are its pages:</p>
				<ul>
					{GUIDE.map(({ path, title }) => (
						<li>
							<a href={path}>{title}</a>
						</li>
					))}
				</ul>
			</article>
		</Frame>,
		{ status: 404, viewer },
	)
}

const toCrumbs = (title: string): Crumb[] => [{ label: 'Guide', href: '/guide' }, { label: title }]

/** All pages, beside the text. */
function PageList({ current }: { current: GuidePage }) {
	return (
		<nav class='pages' aria-label='Guide'>
			<h2>Guide</h2>
			<PageLinks current={current} />
			<p class='meta'>Shopbell {VERSION}</p>
		</nav>
	)
}

/** All pages, above the text where there is no place beside it. */
function FoldedPageList({ current }: { current: GuidePage }) {
	return (
		<nav class='pages folded' aria-label='Guide'>
			<details>
				<summary>Guide: {current.title}</summary>
				<PageLinks current={current} />
			</details>
		</nav>
	)
}

/** Links to all pages, with the headings of the current one. */
function PageLinks({ current }: { current: GuidePage }) {
	return (
		<ul>
			{GUIDE.map((page) => (
				<li>
					<a href={page.path} aria-current={page === current ? 'page' : undefined}>
						{page.title}
					</a>
					{page === current && page.headings.length > 0 ? (
						<ul>
							{page.headings.map(({ id, text }) => (
								<li>
									<a href={`#${id}`}>{text}</a>
								</li>
							))}
						</ul>
					) : null}
				</li>
			))}
		</ul>
	)
}
