/** The HTTP face: middleware for every request, the calls, and the one place where an error becomes an answer. */
import { methodNotAllowed } from 'hono/method-not-allowed'
import { HTTPException } from 'hono/http-exception'
import type { Context } from 'hono'
import { createApi, type Api } from './api/http/serve.ts'
import { declareAccounts } from './api/accounts/routes.ts'
import { declareAccept } from './api/authentication/accept.ts'
import { declareAuthentication } from './api/authentication/routes.ts'
import { declareCatalog } from './api/catalog/routes.ts'
import { declareConnect } from './api/connect/routes.ts'
import { declareOauth } from './api/connect/oauth.ts'
import type { PublicEnv } from './api/http/environment.ts'
import { declareEvents } from './api/events/routes.ts'
import { declareHub, hubPath } from './api/hub/routes.ts'
import { declareAccountInstances, declareInstances } from './api/instances/routes.ts'
import { declareMetrics, declareRootMetrics } from './api/metrics/routes.ts'
import { declareReplayJobs, declareReplays } from './api/replays/routes.ts'
import { declareNotifications } from './api/notifications/routes.ts'
import { declareReceivers } from './api/receivers/routes.ts'
import { declareOpenapi } from './api/openapi.ts'
import { declareService } from './api/service/routes.ts'
import { declareTools } from './api/tools/routes.ts'
import { declareUsers } from './api/users/routes.ts'
import { requests } from './api/http/requests.ts'
import { HttpError, NotFound } from './lib/errors.ts'
import { servicesOf, type Services } from './instances/services.ts'
import { atMost } from './lib/limits.ts'
import { logError } from './lib/log.ts'
import { declarePages } from './ui/routes.ts'

/** Base path of the contract. */
export const BASE_PATH = '/elements/api-v2'

/** Makes the app. `services` replaces what the world offers, for tests. */
export function createApp(services: Partial<Omit<Services, 'env'>> = {}): Api {
	let words: ReadonlySet<string> | null = null
	const app = createApi((request) => hubPath(request, BASE_PATH, () => (words ??= firstWords(app))))
	app.use(async (c, next) => {
		c.set('services', { ...servicesOf(c.env), ...services })
		await next()
	})
	// Stores, merchants' browsers and those who open a one-time link: nothing of the API's middleware holds for them.
	declareReceivers(app, BASE_PATH)
	declareConnect(app)
	declareAccept(app)
	declarePages(app)
	app.use(requests)
	app.use(
		methodNotAllowed<PublicEnv>({
			app,
			onMethodNotAllowed: (c, methods) =>
				answerError(c, new HttpError(405, `Expected ${methods.join(' or ')}`, { headers: { Allow: methods.join(', ') } })),
		}),
	)

	declareService(app)
	declareRootMetrics(app)
	declareOpenapi(app)
	const api = createApi()
	// Paths with fixed words come before those with `{id}` in the same place.
	declareAccountInstances(api)
	declareAccounts(api)
	declareUsers(api)
	declareAuthentication(api)
	declareNotifications(api)
	declareEvents(api)
	declareReplayJobs(api)
	declareReplays(api)
	declareInstances(api)
	declareOauth(api)
	declareCatalog(api)
	declareMetrics(api)
	declareTools(api)
	declareHub(api)
	app.route(BASE_PATH, api)

	// Answered, not thrown: after an error the look for other methods (405) is not made.
	app.notFound((c) => answerError(c, new NotFound()))
	app.onError((error, c) => answerError(c, error))
	return app
}

/** The words with which the paths of calls begin below the base: as collections they are only reached under `/hubs/`. */
function firstWords(app: Api): Set<string> {
	const paths = app.routes.map(({ path }) => path).filter((path) => path.startsWith(`${BASE_PATH}/`))
	return new Set(paths.map((path) => path.slice(BASE_PATH.length + 1).split('/')[0]!).filter((word) => /^[a-z]/.test(word)))
}

/** Turns whatever was thrown into the contract's error body. What is not meant for the caller is logged without its text and answered with none. */
function answerError(c: Context<PublicEnv>, thrown: unknown): Response {
	const error = thrown instanceof HTTPException && thrown.status < 500 ? fromHono(thrown) : thrown
	const requestId = c.var.requestId ?? ''
	if (!(error instanceof HttpError)) {
		logError('request.failed', error, { requestId })
		return c.json({ message: 'Something went wrong here; the request id finds it in the log', requestId }, 500)
	}
	for (const [name, value] of Object.entries(error.headers)) c.header(name, value)
	return c.json(
		{ message: error.message, requestId, ...(error.providerMessage === null ? {} : { providerMessage: error.providerMessage }) },
		error.status,
	)
}

/** The framework's own refusals; the only one that a request can reach is a body that is no JSON. */
function fromHono(exception: HTTPException): HttpError {
	if (exception.status === 400) return new HttpError(400, 'body: expected well-formed JSON')
	return new HttpError(exception.status === 413 ? 413 : 404, exception.status === 413 ? `body: ${atMost('body')}` : 'Not found')
}
