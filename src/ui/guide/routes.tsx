/** The users' guide: `/guide` and `/guide/{page}`. */
import { raw } from 'hono/html'
import type { Api } from '../../api/http/serve.ts'
import { answerPage } from '../answer.ts'
import { Frame } from '../frame.tsx'
import { guidePage, guidePages, type GuidePage } from './pages.ts'

/** Mounts the guide. */
export function declareGuide(app: Api): void {
	app.get('/guide', async () => await show(guidePage()!))
	app.get('/guide/:page', async (c) => {
		const page = guidePage(c.req.param('page'))
		if (page === undefined) return await unknown()
		// One page, one address: the first is the guide's own.
		return page.path === c.req.path ? await show(page) : c.redirect(page.path, 301)
	})
}

async function show(page: GuidePage): Promise<Response> {
	const pages = guidePages()
	const at = pages.indexOf(page)
	const [before, after] = [pages[at - 1], pages[at + 1]]
	return await answerPage(
		<Frame title={page.title} place='guide' scripts={['/assets/copy.js']}>
			<div class='page'>
				<main id='main' class='text'>
					{raw(page.html)}
					<nav class='onward' aria-label='Next and previous page'>
						{before === undefined ? <span /> : <a href={before.path} rel='prev'>{`← ${before.title}`}</a>}
						{after === undefined ? null : <a href={after.path} rel='next'>{`${after.title} →`}</a>}
					</nav>
				</main>
				<List pages={pages} current={page} />
			</div>
		</Frame>,
	)
}

async function unknown(): Promise<Response> {
	return await answerPage(
		<Frame title='No such page' place='guide'>
			<div class='page'>
				<main id='main' class='text'>
					<h1>No such page</h1>
					<p>The guide has no page of this name. These are the ones that it has.</p>
				</main>
				<List pages={guidePages()} current={null} />
			</div>
		</Frame>,
		{ status: 404 },
	)
}

/** All pages, and under the one that is shown its headings. */
function List({ pages, current }: { pages: readonly GuidePage[]; current: GuidePage | null }) {
	return (
		<nav class='pages' aria-label='Guide'>
			<h2>Guide</h2>
			<ul>
				{pages.map((page) => (
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
		</nav>
	)
}
