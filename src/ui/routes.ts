/**
 * Everything that people look at in a browser. Mounted before the middleware of the API: what is said there of JSON
 * does not hold here.
 */
import type { Api } from '../api/http/serve.ts'
import { mountGuide } from './guide/routes.tsx'
import { mountReference } from './reference/routes.tsx'

/** Mounts the pages. */
export function mountPages(app: Api): void {
	app.get('/', (c) => c.redirect('/guide'))
	mountGuide(app)
	mountReference(app)
}
