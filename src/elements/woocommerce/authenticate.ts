/** Finds the way of authentication that a store accepts, or the reason why it accepts none. */
import type { ConnectError, Credentials } from '../store.ts'
import { restClosedError, toConnectError, type CheckSession } from './check-session.ts'
import { API_PREFIX } from './client.ts'
import { parseVendorError, toResponseFailure } from './failures.ts'
import type { StoreResponse } from './http.ts'
import { probe, type ProbeAnswer } from './connection-checks.ts'
import type { RequestAuth } from './request-auth.ts'
import type { Site } from './site-index.ts'

/**
 * Finds an authentication that works, with the first collection. Over https: Basic, a signature, and the query last;
 * over http only a signature, because WooCommerce ignores the others there (docs/woocommerce.md 1.4).
 */
export async function authenticate(
	session: CheckSession,
	site: Site,
	credentials: Credentials,
	path: string,
): Promise<{ ok: true; access: RequestAuth; answer: ProbeAnswer } | ConnectError> {
	const candidates = listCandidates(site, credentials)
	const [firstSignature] = candidates.filter(({ auth }) => auth === 'oauth1')
	let signatureRejected = false
	let lastAnswer: StoreResponse | null = null
	for (const access of candidates) {
		// A second signature is only worth a request if the store read the first one and refused it.
		if (access.auth === 'oauth1' && access !== firstSignature && !signatureRejected) continue
		const answer = await probeWithClock(session, site, access, path)
		if (!answer.ok) return answer
		if (answer.status !== 401) return { ok: true, access, answer }
		const refusal = await classify401(session, site, access, path, answer)
		if (refusal.kind === 'final') return refusal.error
		if (refusal.kind === 'signature') signatureRejected = true
		lastAnswer = answer
	}
	return signatureRejected ? wrongSecretError(site, lastAnswer) : unknownKeyError(site, lastAnswer)
}

/** In the order of the attempts. */
function listCandidates(site: Site, credentials: Credentials): RequestAuth[] {
	const host = URL.canParse(site.home) ? new URL(site.home).host : new URL(site.root).host
	const toAuth = (auth: RequestAuth['auth'], scheme: 'http' | 'https'): RequestAuth => ({
		auth,
		key: credentials.key,
		secret: credentials.secret,
		oauthOrigin: `${scheme}://${host}`,
		skewSec: 0,
	})
	// PHP signs for the scheme that it sees: http behind a proxy that does not announce https.
	return site.root.startsWith('https:')
		? [toAuth('basic', 'https'), toAuth('oauth1', 'https'), toAuth('oauth1', 'http'), toAuth('query', 'https')]
		: [toAuth('oauth1', 'http'), toAuth('oauth1', 'https')]
}

/** A refused signature is retried with the store's clock: one that is 15 minutes off is refused. */
async function probeWithClock(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
	path: string,
): Promise<ProbeAnswer | ConnectError> {
	const answer = await probe(session, site, access, path)
	if (!answer.ok || answer.status !== 401 || access.auth !== 'oauth1') return answer
	const skewSec = Math.round((answer.storeNowMs - session.io.now()) / 1000)
	if (Math.abs(skewSec) <= 60) return answer
	access.skewSec = skewSec
	return await probe(session, site, access, path)
}

/** `not-seen`: this kind of authentication did not reach WooCommerce; `signature`: it did, and was refused. */
type Refusal401 = { kind: 'not-seen' } | { kind: 'signature' } | { kind: 'final'; error: ConnectError }

async function classify401(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
	path: string,
	answer: StoreResponse,
): Promise<Refusal401> {
	const final = (error: ConnectError): Refusal401 => ({ kind: 'final', error })
	const vendorError = parseVendorError(answer.text)
	const vendorMessage = vendorError?.message ?? ''
	if (vendorError === null || !vendorError.code.startsWith('woocommerce_rest_'))
		return final(restClosedError(answer, toResponseFailure(answer, session.io.now()).providerMessage))
	if (vendorError.code !== 'woocommerce_rest_authentication_error') return { kind: 'not-seen' }
	if (/signature/i.test(vendorMessage)) return { kind: 'signature' }
	if (/key is invalid/i.test(vendorMessage)) return final(unknownKeyError(site, answer))
	if (/secret is invalid/i.test(vendorMessage)) return final(wrongSecretError(site, answer))
	if (/read permission/i.test(vendorMessage)) return final(writeOnlyError(site, answer))
	// A store in another language: OPTIONS needs a valid key but no permission (docs/woocommerce.md 1.9).
	const options = await session.request(`${site.root}${API_PREFIX}${path}`, {}, { access, method: 'OPTIONS' })
	if (options.ok && options.status < 300) return final(writeOnlyError(site, answer))
	return access.auth === 'oauth1' ? { kind: 'signature' } : final(wrongSecretError(site, answer))
}

function unknownKeyError(site: Site, answer: StoreResponse | null): ConnectError {
	return toConnectError(
		400,
		'unknown-key',
		`${site.home} does not know this API key: it is misspelled, revoked, or from another store. ` +
			'Copy the consumer key and secret again from WooCommerce → Settings → Advanced → REST API, or create a new key.',
		answer === null ? null : (parseVendorError(answer.text)?.message ?? null),
	)
}

function wrongSecretError(site: Site, answer: StoreResponse | null): ConnectError {
	return toConnectError(
		400,
		'wrong-secret',
		`${site.home} knows this API key, but the secret is wrong. WooCommerce shows a secret only once: ` +
			'create a new key under WooCommerce → Settings → Advanced → REST API and copy both parts.',
		answer === null ? null : (parseVendorError(answer.text)?.message ?? null),
	)
}

function writeOnlyError(site: Site, answer: StoreResponse): ConnectError {
	return toConnectError(
		400,
		'write-only',
		`${site.home} accepts this API key for writing only. Set its permissions to "Read/Write" ` +
			'(or "Read" if you only poll) under WooCommerce → Settings → Advanced → REST API.',
		parseVendorError(answer.text)?.message ?? null,
	)
}
