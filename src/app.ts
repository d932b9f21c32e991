/** The HTTP API: middleware, the mounted calls, and the one place that turns errors into responses. */
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
import { mountReplayRoutes, mountInstanceReplays } from './api/replays/routes.ts'
import { mountNotificationRoutes } from './api/notifications/routes.ts'
import { mountReceivers } from './api/receivers/routes.ts'
import { mountOpenApi } from './api/openapi.ts'
import { mountBackup } from './api/backup/routes.ts'
import { NOT_OFFERED, toNotOfferedMessage } from './api/not-offered.ts'
import { mountServiceRoutes } from './api/service/routes.ts'
import { mountToolRoutes } from './api/tools/routes.ts'
import { mountUserRoutes } from './api/users/routes.ts'
import { requestMiddleware } from './api/http/requests.ts'
import { getPageCall } from './api/http/page-call.ts'
import { HttpError, NotFound, shortenMessage, STATUS_DESCRIPTIONS } from './lib/errors.ts'
import { createServices, type Services } from './instances/services.ts'
import { BASE_PATH } from './lib/base-path.ts'
import { expectedAtMost } from './lib/limits.ts'
import { logError } from './lib/log.ts'
import { getTransportHeaders } from './lib/response-headers.ts'
import { mountConnectPages } from './ui/connect.tsx'
import type { PageContext } from './ui/http/environment.ts'
import { respondWithErrorPage } from './ui/http/errors.tsx'
import { findViewer } from './ui/http/session.ts'
import { mountPages } from './ui/routes.ts'

/** Creates the app. Tests pass `services` to replace the clock, the store and others. */
export function createApp(services: Partial<Omit<Services, 'env'>> = {}): Api {
	let reservedSegments: ReadonlySet<string> | null = null
	const app = createApi((request) => resolveHubPath(request, () => (reservedSegments ??= getFirstSegments(app))))
	// Without a header name, no caller can choose the id.
	app.use(
		requestId({ headerName: '', generator: (c) => getPageCall(c.env as object)?.requestId ?? crypto.randomUUID() }),
	)
	app.use(async (c, next) => {
		await next()
		for (const [name, value] of Object.entries(getTransportHeaders(c.req.url))) c.header(name, value)
	})
	app.use(async (c, next) => {
		c.set('services', { ...createServices(c.env), ...services })
		await next()
	})
	// Called by stores and browsers, so mounted before the API's middleware.
	mountReceivers(app)
	mountConnectPages(app)
	mountPages(app)
	app.use(requestMiddleware)
	app.use(methodNotAllowed<PublicEnv>({ app, onMethodNotAllowed: respondToWrongMethod }))

	mountBackup(app)
	mountServiceRoutes(app)
	mountRootMetrics(app)
	mountOpenApi(app)
	const api = createApi()
	// Fixed path segments come before `{id}` in the same place.
	mountAccountInstances(api)
	mountAccountRoutes(api)
	mountUserRoutes(api)
	mountAuthenticationRoutes(api)
	mountNotificationRoutes(api)
	mountEventRoutes(api)
	mountReplayRoutes(api)
	mountInstanceReplays(api)
	mountInstances(api)
	mountConnectOperations(api)
	mountCatalogRoutes(api)
	mountMetrics(api)
	mountToolRoutes(api)
	mountHub(api)
	// Returned, as below. The paths also keep these words from being read as collections of the store.
	for (const word of NOT_OFFERED)
		api.all(`/${word}/*`, (c) =>
			toErrorResponse(c, new NotFound(toNotOfferedMessage(c.req.path.slice(BASE_PATH.length)))),
		)
	app.route(BASE_PATH, api)

	// Returned, not thrown: the check for other methods (405) is skipped after an error.
	app.notFound((c) => (isForPage(c) ? toErrorPage(c, new NotFound()) : toErrorResponse(c, new NotFound())))
	app.onError((error, c) => {
		const response = toErrorResponse(c, error)
		return response.status === 500 && isForPage(c) ? toErrorPage(c, error) : response
	})
	return app
}

/** 405. A browser may ask for an address that only takes forms. */
async function respondToWrongMethod(c: Context<PublicEnv>, methods: readonly string[]): Promise<Response> {
	const headers = { Allow: methods.join(', ') }
	if (!isForPage(c)) return toErrorResponse(c, new HttpError(405, `Expected ${methods.join(' or ')}`, { headers }))
	const text = 'Nothing was changed. Go back to the page that you came from.'
	return await toErrorPage(c, new HttpError(405, text, { headers }))
}

async function toErrorPage(c: Context<PublicEnv>, error: unknown): Promise<Response> {
	const page = c as unknown as PageContext
	// The database may be what failed.
	const viewer = await findViewer(page).catch(() => null)
	return await respondWithErrorPage(page, error, viewer)
}

/** Whether a browser asks for a page; everything below the base path is the API's. */
function isForPage(c: Context<PublicEnv>): boolean {
	const accept = c.req.header('Accept') ?? ''
	return accept.includes('text/html') && !c.req.path.startsWith(`${BASE_PATH}/`)
}

/** First path segments of the API's own calls. A store collection with such a name is only reachable under `/hubs/`. */
function getFirstSegments(app: Api): Set<string> {
	const paths = app.routes.map(({ path }) => path).filter((path) => path.startsWith(`${BASE_PATH}/`))
	return new Set(
		paths.map((path) => path.slice(BASE_PATH.length + 1).split('/')[0]!).filter((word) => /^[a-z]/.test(word)),
	)
}

/** Turns an exception into the contract's error body. Unexpected errors are logged, and their text is not shown. */
function toErrorResponse(c: Context<PublicEnv>, thrown: unknown): Response {
	const page = getPageCall(c.env)
	if (page !== null) page.error = thrown
	const error = thrown instanceof HTTPException && thrown.status < 500 ? fromHonoException(thrown) : thrown
	const { requestId } = c.var
	if (!(error instanceof HttpError)) {
		logError('request.failed', error, { requestId })
		return c.json({ message: STATUS_DESCRIPTIONS[500], requestId }, 500)
	}
	for (const [name, value] of Object.entries(error.headers)) c.header(name, value)
	return c.json(
		{
			message: shortenMessage(error.message),
			requestId,
			...(error.providerMessage === null ? {} : { providerMessage: error.providerMessage }),
		},
		error.status,
	)
}

/** The framework's own errors; requests can only reach the one for a body that is not JSON. */
function fromHonoException(exception: HTTPException): HttpError {
	if (exception.status === 400) return new HttpError(400, 'body: expected well-formed JSON')
	return new HttpError(
		exception.status === 413 ? 413 : 404,
		exception.status === 413 ? `body: ${expectedAtMost('body')}` : 'Not found',
	)
}
