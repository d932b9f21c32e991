/** The HTTP face: middleware for every request, the calls, and the one place where an error becomes an answer. */
import { methodNotAllowed } from 'hono/method-not-allowed'
import { HTTPException } from 'hono/http-exception'
import { requestId } from 'hono/request-id'
import type { Context } from 'hono'
import { createApi, type Api } from './api/http/serve.ts'
import { mountAccountRoutes } from './api/accounts/routes.ts'
import { mountAuthenticationRoutes } from './api/authentication/routes.ts'
import { mountCatalogRoutes } from './api/catalog/routes.ts'
import { mountConnectOperations } from './api/connect/handlers.ts'
import type { PublicEnv } from './api/http/environment.ts'
import { mountEventRoutes } from './api/events/routes.ts'
import { mountHub, resolveHubPath } from './api/hub/routes.ts'
import { mountAccountInstances, mountInstances } from './api/instances/routes.ts'
import { mountMetrics, mountRootMetrics } from './api/metrics/routes.ts'
import { mountReplayRoutes, declareReplays } from './api/replays/routes.ts'
import { mountNotificationRoutes } from './api/notifications/routes.ts'
import { mountReceivers } from './api/receivers/routes.ts'
import { mountOpenApi } from './api/openapi.ts'
import { mountServiceRoutes } from './api/service/routes.ts'
import { mountToolRoutes } from './api/tools/routes.ts'
import { mountUserRoutes } from './api/users/routes.ts'
import { requestMiddleware } from './api/http/requests.ts'
import { HttpError, NotFound } from './lib/errors.ts'
import { createServices, type Services } from './instances/services.ts'
import { BASE_PATH } from './lib/base-path.ts'
import { expectedAtMost } from './lib/limits.ts'
import { logError } from './lib/log.ts'
import { mountAcceptPage } from './ui/accept.tsx'
import { mountConnectPages } from './ui/connect.tsx'
import { mountPages } from './ui/routes.ts'

/** Makes the app. `services` replaces what the world offers, for tests. */
export function createApp(services: Partial<Omit<Services, 'env'>> = {}): Api {
	let reservedSegments: ReadonlySet<string> | null = null
	const app = createApi((request) => resolveHubPath(request, () => (reservedSegments ??= getFirstSegments(app))))
	// Without a header name, no caller can choose the id.
	app.use(requestId({ headerName: '' }))
	app.use(async (c, next) => {
		c.set('services', { ...createServices(c.env), ...services })
		await next()
	})
	// Stores, merchants' browsers and those who open a one-time link: nothing of the API's middleware holds for them.
	mountReceivers(app)
	mountConnectPages(app)
	mountAcceptPage(app)
	mountPages(app)
	app.use(requestMiddleware)
	app.use(
		methodNotAllowed<PublicEnv>({
			app,
			onMethodNotAllowed: (c, methods) =>
				toErrorResponse(
					c,
					new HttpError(405, `Expected ${methods.join(' or ')}`, { headers: { Allow: methods.join(', ') } }),
				),
		}),
	)

	mountServiceRoutes(app)
	mountRootMetrics(app)
	mountOpenApi(app)
	const api = createApi()
	// Paths with fixed words come before those with `{id}` in the same place.
	mountAccountInstances(api)
	mountAccountRoutes(api)
	mountUserRoutes(api)
	mountAuthenticationRoutes(api)
	mountNotificationRoutes(api)
	mountEventRoutes(api)
	mountReplayRoutes(api)
	declareReplays(api)
	mountInstances(api)
	mountConnectOperations(api)
	mountCatalogRoutes(api)
	mountMetrics(api)
	mountToolRoutes(api)
	mountHub(api)
	app.route(BASE_PATH, api)

	// Answered, not thrown: after an error the look for other methods (405) is not made.
	app.notFound((c) => toErrorResponse(c, new NotFound()))
	app.onError((error, c) => toErrorResponse(c, error))
	return app
}

/**
 * The words with which the paths of calls begin below the base: as collections they are only reached under `/hubs/`.
 */
function getFirstSegments(app: Api): Set<string> {
	const paths = app.routes.map(({ path }) => path).filter((path) => path.startsWith(`${BASE_PATH}/`))
	return new Set(
		paths.map((path) => path.slice(BASE_PATH.length + 1).split('/')[0]!).filter((word) => /^[a-z]/.test(word)),
	)
}

/**
 * Turns whatever was thrown into the contract's error body. What is not meant for the caller is logged without its text
 * and answered with none.
 */
function toErrorResponse(c: Context<PublicEnv>, thrown: unknown): Response {
	const error = thrown instanceof HTTPException && thrown.status < 500 ? fromHonoException(thrown) : thrown
	const { requestId } = c.var
	if (!(error instanceof HttpError)) {
		logError('request.failed', error, { requestId })
		return c.json({ message: 'Something went wrong here; the request id finds it in the log', requestId }, 500)
	}
	for (const [name, value] of Object.entries(error.headers)) c.header(name, value)
	return c.json(
		{
			message: error.message,
			requestId,
			...(error.providerMessage === null ? {} : { providerMessage: error.providerMessage }),
		},
		error.status,
	)
}

/** The framework's own refusals; the only one that a request can reach is a body that is no JSON. */
function fromHonoException(exception: HTTPException): HttpError {
	if (exception.status === 400) return new HttpError(400, 'body: expected well-formed JSON')
	return new HttpError(
		exception.status === 413 ? 413 : 404,
		exception.status === 413 ? `body: ${expectedAtMost('body')}` : 'Not found',
	)
}
