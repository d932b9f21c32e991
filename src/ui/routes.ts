/** The guide and the reference, mounted before the API's middleware, which is for JSON. */
import type { Api } from '../api/http/serve.ts'
import { mountGuide } from './guide/routes.tsx'
import { mountReference } from './reference/routes.tsx'

/** Mounts the pages. */
export function mountPages(app: Api): void {
	app.get('/', (c) => c.redirect('/guide'))
	mountGuide(app)
	mountReference(app)
}
