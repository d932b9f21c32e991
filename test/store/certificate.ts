/** A self-signed certificate for 127.0.0.1 and localhost, made by node alone: an elliptic key and a few lines of DER. */
import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto'

/** PEM texts of a certificate and its key. */
export interface Certificate {
	cert: string
	key: string
}

function der(tag: number, ...contents: Buffer[]): Buffer {
	const content = Buffer.concat(contents)
	const { length } = content
	const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
	return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts)
const oid = (...bytes: number[]): Buffer => der(0x06, Buffer.from(bytes))

const ECDSA_SHA256 = oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)
const COMMON_NAME = oid(0x55, 0x04, 0x03)
const BASIC_CONSTRAINTS = oid(0x55, 0x1d, 0x13)
const ALTERNATIVE_NAMES = oid(0x55, 0x1d, 0x11)

function time(date: Date): Buffer {
	return der(0x18, Buffer.from(`${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`))
}

/** A certificate valid from 2020 to 2049, its own authority, so that clients can be told to trust it. */
export function makeCertificate(): Certificate {
	const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
	const name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from('simulated store')))))
	const serial = randomBytes(8)
	serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x01
	const extensions = sequence(
		sequence(BASIC_CONSTRAINTS, der(0x01, Buffer.from([0xff])), der(0x04, sequence(der(0x01, Buffer.from([0xff]))))),
		sequence(
			ALTERNATIVE_NAMES,
			der(0x04, sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])))),
		),
	)
	const body = sequence(
		der(0xa0, der(0x02, Buffer.from([2]))),
		der(0x02, serial),
		sequence(ECDSA_SHA256),
		name,
		sequence(time(new Date('2020-01-01T00:00:00Z')), time(new Date('2049-01-01T00:00:00Z'))),
		name,
		publicKey.export({ type: 'spki', format: 'der' }),
		der(0xa3, extensions),
	)
	const signature = createSign('sha256').update(body).sign(privateKey)
	const bytes = sequence(body, sequence(ECDSA_SHA256), der(0x03, Buffer.from([0]), signature))
	const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
	return {
		cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
		key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
	}
}
