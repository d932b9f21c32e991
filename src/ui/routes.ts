/** The pages, mounted before the API's middleware, which is for JSON. */
import type { Api } from '../api/http/serve.ts'
import { mountGuide } from './guide/routes.tsx'
import { createPages } from './http/pages.ts'
import { mountConfiguration } from './pages/configuration/routes.tsx'
import { mountConnect } from './pages/connect/routes.tsx'
import { mountDecisions } from './pages/decisions/routes.tsx'
import { mountInstance } from './pages/instance/routes.tsx'
import { mountHome } from './pages/home/routes.tsx'
import { mountInstancePages } from './pages/instances/routes.tsx'
import { mountSignIn } from './pages/sign-in/routes.tsx'
import { mountKit } from './kit/routes.tsx'
import { mountReference } from './reference/routes.tsx'

/** Mounts the pages. */
export function mountPages(app: Api): void {
	const pages = createPages(app)
	mountSignIn(pages)
	mountConnect(pages)
	mountConfiguration(pages)
	mountDecisions(pages)
	mountInstance(pages)
	mountHome(pages)
	mountInstancePages(pages)
	mountGuide(app)
	mountReference(app)
	mountKit(app)
}
