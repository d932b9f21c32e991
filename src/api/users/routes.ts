/** People over HTTP: invited, shown, changed, removed, and their secrets. */
import type * as z from 'zod'
import { startReset } from '../../accounts/links.ts'
import { changePassword as change } from '../../accounts/sessions.ts'
import {
	changePerson,
	findPerson,
	invite as invitePerson,
	listPeople,
	removePerson,
	type Person,
	type PersonRefusal,
} from '../../accounts/users.ts'
import { BadRequest, Conflict, NotFound } from '../../lib/errors.ts'
import { actorOf, readId, refuseKeys, requireRole } from '../http/access.ts'
import { showLink } from '../accounts/links.ts'
import { getSecret, revoke, rotate } from '../accounts/secrets.ts'
import { locked, originOf } from '../authentication/origin.ts'
import type { AnswerOf } from '../http/contract.ts'
import type { CallerContext } from '../http/environment.ts'
import { formatPageToken, PAGE_LIMIT, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { serve, type Api } from '../http/serve.ts'
import { toIsoSeconds } from '../http/times.ts'
import { userOperations, type InviteBody, type PasswordBody, type UserAnswer, type UserPatch } from './operations.ts'

type User = z.input<typeof UserAnswer>

/** Mounts the calls. */
export function declareUsers(api: Api): void {
	serve(api, userOperations, {
		listUsers: (c, { query }) => list(c, query),
		inviteUser: (c, { body }) => invite(c, body),
		changePassword: (c, { body }) => changePassword(c, body),
		getUser: (c, { params }) => get(c, idOf(c, params.id)),
		changeUser: (c, { params, body }) => update(c, idOf(c, params.id), body),
		deleteUser: (c, { params }) => remove(c, idOf(c, params.id)),
		resetPassword: (c, { params }) => reset(c, idOf(c, params.id)),
		getUserSecret: (c, { params }) => getSecret(c, { kind: 'user', id: ownOrAdmin(c, params.id) }),
		rotateUserSecret: (c, { params, body }) => rotate(c, { kind: 'user', id: ownOrAdmin(c, params.id) }, body),
		revokeUserSecret: (c, { params }) => revoke(c, { kind: 'user', id: ownOrAdmin(c, params.id) }),
	})
}

async function list(c: CallerContext, query: { pageSize?: number | undefined; nextPage?: string | undefined }): Promise<User[]> {
	const pageSize = query.pageSize ?? PAGE_LIMIT
	const [afterId] = parsePageToken(query.nextPage, 1) ?? [0]
	const people = await listPeople(c.env.DB, c.var.user.organizationId, pageSize + 1, afterId!, c.var.services.now())
	const shown = people.slice(0, pageSize)
	setPageHeaders(c, { returned: shown.length, total: null, next: people.length > pageSize ? formatPageToken([shown.at(-1)!.id]) : null })
	return shown.map(show)
}

async function invite(c: CallerContext, body: z.output<typeof InviteBody>): Promise<AnswerOf<typeof userOperations.inviteUser>> {
	const invited = await invitePerson(c.env.DB, actorOf(c), body, c.var.services.now())
	if (invited === 'taken') throw REFUSALS.taken()
	return { user: show(invited.person), invitation: showLink(c, invited.link) }
}

async function get(c: CallerContext, id: number): Promise<User> {
	const person = await findPerson(c.env.DB, c.var.user.organizationId, id, c.var.services.now())
	if (person === null) throw REFUSALS.missing()
	return show(person)
}

async function update(c: CallerContext, id: number, body: z.output<typeof UserPatch>): Promise<User> {
	const rights = body.email !== undefined || body.role !== undefined
	if (rights) refuseKeys(c)
	if (rights || id !== c.var.user.id) requireRole(c, 'admin')
	const change = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined))
	const refused = await changePerson(c.env.DB, actorOf(c), id, change, c.var.services.now())
	if (refused !== null) throw REFUSALS[refused]()
	return await get(c, id)
}

async function remove(c: CallerContext, id: number): Promise<undefined> {
	const refused = await removePerson(c.env.DB, actorOf(c), id, c.var.services.now())
	if (refused !== null) throw REFUSALS[refused]()
}

async function reset(c: CallerContext, id: number): Promise<AnswerOf<typeof userOperations.resetPassword>> {
	const link = await startReset(c.env.DB, actorOf(c), id, c.var.services.now())
	if (link === null) throw REFUSALS.missing()
	return showLink(c, link)
}

async function changePassword(c: CallerContext, body: z.output<typeof PasswordBody>): Promise<undefined> {
	const { credential, user, services } = c.var
	const keep = credential.kind === 'session' ? credential.id : null
	const result = await change(c.env.DB, user, body, keep, originOf(c), services.now())
	if (result.kind === 'locked') throw locked(result.seconds)
	if (result.kind === 'none') throw new Conflict('There is no password yet: set one with a link (POST /users/{id}/reset)')
	if (result.kind === 'wrong') throw new BadRequest('current: expected the password so far')
}

/** A user by number, or whoever asks. */
function idOf(c: CallerContext, id: string): number {
	return id === 'me' ? c.var.user.id : readId(id)
}

/** The same where only an admin may mean somebody else. */
function ownOrAdmin(c: CallerContext, text: string): number {
	const id = idOf(c, text)
	if (id !== c.var.user.id) requireRole(c, 'admin')
	return id
}

const REFUSALS: Record<PersonRefusal, () => Conflict | NotFound> = {
	missing: () => new NotFound('No such user'),
	taken: () => new Conflict('email: somebody signs in with this address already'),
	'last-admin': () => new Conflict('Nobody could look after the organization then: another admin with a password is needed first'),
}

function show({ createdMs, link, ...person }: Person): User {
	return {
		...person,
		createdDate: toIsoSeconds(createdMs),
		link: link === null ? null : { purpose: link.purpose, expiresDate: toIsoSeconds(link.expiresMs) },
	}
}
