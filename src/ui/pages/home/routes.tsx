/** Home. */
import { callOperation } from '../../http/call.ts'
import type { SignedInContext } from '../../http/environment.ts'
import { requireOk } from '../../http/errors.tsx'
import type { PageSet } from '../../http/pages.ts'
import { renderPage } from '../../http/render.ts'
import { HomePage } from './page.tsx'

/** Mounts the page. */
export function mountHome({ signedIn }: PageSet): void {
	signedIn.page('/', showHome)
}

/** One query besides the session's, whatever the number of instances. */
async function showHome(c: SignedInContext): Promise<Response> {
	return await renderPage(
		c,
		<HomePage
			viewer={c.var.viewer}
			message={c.var.message}
			overview={requireOk(await callOperation(c, 'getOverview'))}
			now={c.var.services.now()}
		/>,
	)
}
