/** The API reference at `/docs`: Scalar, served from our own assets, with `/openapi.json`. */
import { ASSETS } from '#assets'
import type { Api } from '../../api/http/serve.ts'
import { respondWithPage } from '../respond.ts'
import { Frame } from '../frame.tsx'

/** Mounts the reference. */
export function mountReference(app: Api): void {
	app.get('/docs', async () => await respondWithReference())
}

async function respondWithReference(): Promise<Response> {
	return await respondWithPage(
		<Frame
			title='API reference'
			place='reference'
			scripts={[ASSETS['scalar.js'], ASSETS['reference.js']]}
			styles={[ASSETS['reference.css']]}
			bare
		>
			<div class='reference'>
				<noscript>
					<p class='message'>
						The reference needs JavaScript. Its content is in <a href='/openapi.json'>/openapi.json</a>.
					</p>
				</noscript>
				<div id='reference' />
			</div>
		</Frame>,
		// Scalar adds inline styles and data: images.
		{ allow: { 'style-src': "'self' 'unsafe-inline'", 'img-src': "'self' data:" } },
	)
}
