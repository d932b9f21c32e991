/** Why a request got no answer: everything that the store client or the delivery of notifications ever recognized. */
import { describe, expect, test } from 'vitest'
import { classifyNetworkError, findEdgeErrorKind } from '../../../src/lib/network-errors.ts'

const withCode = (code: string): Error => Object.assign(new Error('x'), { code })

describe('codes', () => {
	test.each([
		['no-such-host', ['ENOTFOUND', 'EAI_AGAIN', 'EAI_NONAME', 'ENODATA', 'ESERVFAIL']],
		[
			'refused',
			['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'EADDRNOTAVAIL', 'EACCES', 'EPERM'],
		],
		[
			'timeout',
			['ETIMEDOUT', 'ESOCKETTIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'],
		],
		[
			'tls',
			[
				'EPROTO',
				'CERT_HAS_EXPIRED',
				'SELF_SIGNED_CERT_IN_CHAIN',
				'DEPTH_ZERO_SELF_SIGNED_CERT',
				'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
				'ERR_TLS_CERT_ALTNAME_INVALID',
				'ERR_SSL_WRONG_VERSION_NUMBER',
				'HOSTNAME_MISMATCH',
			],
		],
		['reset', ['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'UND_ERR_SOCKET', 'HPE_INVALID_CONSTANT']],
	])('%s', (kind, codes) => {
		for (const code of codes) {
			expect([code, classifyNetworkError(withCode(code))]).toEqual([code, kind])
			const cause = new AggregateError([withCode(code)])
			expect([code, classifyNetworkError(new TypeError('fetch failed', { cause }))]).toEqual([code, kind])
		}
	})

	test('come before words, wherever they stand', () => {
		const cause = withCode('ECONNREFUSED')
		expect(classifyNetworkError(new Error('Network connection lost.', { cause }))).toBe('refused')
	})
})

describe('words', () => {
	test.each([
		['DNS lookup failed.', 'no-such-host'],
		['getaddrinfo failed', 'no-such-host'],
		['Temporary failure in name resolution', 'no-such-host'],
		["couldn't resolve host", 'no-such-host'],
		['no such host', 'no-such-host'],
		['Name or service not known', 'no-such-host'],
		["TLS peer's certificate is not trusted; reason = self signed certificate", 'tls'],
		['SSL routines', 'tls'],
		['handshake failed', 'tls'],
		['The operation timed out', 'timeout'],
		['connect timeout', 'timeout'],
		['connect(): Connection refused', 'refused'],
		['host unreachable', 'refused'],
		["couldn't connect", 'refused'],
		['Network connection lost.', 'reset'],
		['socket hang up', 'reset'],
		['other side closed', 'reset'],
		['premature close', 'reset'],
		['the peer disconnected', 'reset'],
		['internal error; reference = abc', 'opaque'],
		['something new', 'reset'],
	])('%s: %s', (message, kind) => {
		expect(classifyNetworkError(new Error(message))).toBe(kind)
		expect(classifyNetworkError(message)).toBe(kind)
	})

	test('an error that ended by its signal is a timeout', () => {
		expect(classifyNetworkError(new DOMException('x', 'TimeoutError'))).toBe('timeout')
		expect(classifyNetworkError(new DOMException('x', 'AbortError'))).toBe('timeout')
	})

	test('the cause of an internal error says more than the error', () => {
		const cause = new Error('certificate expired')
		expect(classifyNetworkError(new Error('internal error', { cause }))).toBe('tls')
	})
})

test('an error that names nothing, or itself, is a connection that broke', () => {
	const loop = new Error('x')
	loop.cause = loop
	for (const error of [undefined, null, 7, {}, loop]) expect(classifyNetworkError(error)).toBe('reset')
})

test.each([
	[520, '', 'reset'],
	[521, '', 'refused'],
	[522, '', 'timeout'],
	[523, '', 'refused'],
	[524, '', 'timeout'],
	[525, '', 'tls'],
	[526, '', 'tls'],
	[530, 'error code: 1016', 'no-such-host'],
	[530, '', 'no-such-host'],
	[530, 'error code: 1033', 'refused'],
	[500, 'error code: 1033', null],
	[502, '', null],
	[200, '', null],
])('status %i of the edge, "%s": %s', (status, body, kind) => {
	expect(findEdgeErrorKind(status, body)).toBe(kind)
})
