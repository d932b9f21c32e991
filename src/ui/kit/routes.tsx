/** `/kit`: every part of the pages in all its states. Only for those who develop them, on their own machine. */
import type { Api } from '../../api/http/serve.ts'
import { allowsPrivateNetwork } from '../../instances/stores.ts'
import { isLoopbackHost } from '../../lib/reachability.ts'
import { Frame } from '../frame.tsx'
import { respondWithPage } from '../respond.ts'
import { Kit, KIT_NOW_MS, KIT_VIEWER } from './kit.tsx'

/** Mounts the page. Elsewhere its address does not exist. */
export function mountKit(app: Api): void {
	app.get('/kit', async (c, next) => {
		if (!allowsPrivateNetwork(c.env) || !isLoopbackHost(new URL(c.req.url).hostname)) return await next()
		return await respondWithPage(
			<Frame title='Kit' place={null} viewer={KIT_VIEWER} attention={2} now={KIT_NOW_MS}>
				<Kit />
			</Frame>,
		)
	})
}
