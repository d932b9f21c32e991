/** Everything that people look at in a browser. Mounted before the middleware of the API: what is said there of JSON does not hold here. */
import type { Api } from '../api/http/serve.ts'
import { declareGuide } from './guide/routes.tsx'
import { declareReference } from './reference/routes.tsx'

/** Mounts the pages. */
export function declarePages(app: Api): void {
	app.get('/', (c) => c.redirect('/guide'))
	declareGuide(app)
	declareReference(app)
}
