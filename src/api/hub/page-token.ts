/** Page tokens of the hub: a position, bound to its list. Opaque to callers. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { BadRequest } from '../../lib/errors.ts'
import type { WalkPosition } from './list-cursor.ts'

/** A token is only valid for the same instance, path, `where` and `orderBy`. */
interface ListIdentity {
	instanceId: number
	path: string
	where: string | null
	orderBy: string | null
}

const Count = z.int().min(0).max(1e12)
const Token = z.tuple([
	z.string().length(11),
	Count.min(1),
	Count,
	z
		.array(z.union([z.string().max(40), z.number()]))
		.max(2)
		.nullable(),
	Count,
	Count.max(10),
	Count,
	Count.nullable(),
])

/** The token of a position. `pageSize`: for a next page that does not set its own. */
export function formatHubToken(identity: ListIdentity, pageSize: number, position: WalkPosition): string {
	const { n, last, skip, back, total, bare } = position
	const token: z.input<typeof Token> = [
		getBinding(identity),
		pageSize,
		n,
		last === null ? null : [...last],
		skip,
		back,
		total,
		bare,
	]
	return Buffer.from(JSON.stringify(token)).toString('base64url')
}

/** The position of a token; 400 when it is invalid or belongs to another list. */
export function parseHubToken(identity: ListIdentity, token: string): { pageSize: number; position: WalkPosition } {
	const parsed = Token.safeParse(parseJsonOrUndefined(Buffer.from(token, 'base64url').toString()))
	if (!parsed.success) throw new BadRequest('nextPage: expected the Elements-Next-Page-Token of an earlier response')
	const [binding, pageSize, n, last, skip, back, total, bare] = parsed.data
	if (binding !== getBinding(identity))
		throw new BadRequest(
			'nextPage: expected a token of this list; it belongs to another instance, path, where or orderBy',
		)
	return { pageSize, position: { n, last, skip, back, total, bare } }
}

function getBinding({ instanceId, path, where, orderBy }: ListIdentity): string {
	const text = JSON.stringify([instanceId, path, (where ?? '').trim(), (orderBy ?? '').trim()])
	return createHash('sha256').update(text).digest('base64url').slice(0, 11)
}

function parseJsonOrUndefined(text: string): unknown {
	try {
		return JSON.parse(text)
	} catch {
		return undefined
	}
}
