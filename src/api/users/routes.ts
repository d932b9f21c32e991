/** Handlers of the calls about users. */
import type * as z from 'zod'
import { createResetLink } from '../../accounts/links.ts'
import { changePassword as updatePassword } from '../../accounts/sessions.ts'
import {
	updateUserDetails,
	findUserDetails,
	inviteUser as createInvitation,
	listUserDetails,
	removeUser,
	type UserDetails,
	type UserChangeError,
} from '../../accounts/users.ts'
import { BadRequest, Conflict, NotFound } from '../../lib/errors.ts'
import { parseId, forbidApiKeys, requireRole } from '../http/access.ts'
import { getActor } from '../http/audit.ts'
import { requireLinkBase, toLinkResponse } from '../accounts/links.ts'
import { getSecret, revokeOwnerSecret, rotateOwnerSecret } from '../accounts/secrets.ts'
import { signInLockedError, getRequestOrigin } from '../authentication/request-origin.ts'
import type { OperationResponse } from '../http/contract.ts'
import type { CallerContext } from '../http/environment.ts'
import { formatPageToken, MAX_PAGE_SIZE, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { mountOperations, type Api } from '../http/serve.ts'
import { toIsoSeconds } from '../http/times.ts'
import { userOperations, type InviteBody, type PasswordBody, type UserResponse, type UserPatch } from './operations.ts'

type User = z.input<typeof UserResponse>

/** Mounts the calls. */
export function mountUserRoutes(api: Api): void {
	mountOperations(api, userOperations, {
		listUsers: (c, { query }) => listUsers(c, query),
		inviteUser: (c, { body }) => inviteUser(c, body),
		changePassword: (c, { body }) => changePassword(c, body),
		getUser: (c, { params }) => getUser(c, resolveUserId(c, params.id)),
		changeUser: (c, { params, body }) => updateUser(c, resolveUserId(c, params.id), body),
		deleteUser: (c, { params }) => deleteUser(c, resolveUserId(c, params.id)),
		resetPassword: (c, { params }) => resetPassword(c, resolveUserId(c, params.id)),
		getUserSecret: (c, { params }) => getSecret(c, { kind: 'user', id: resolveOwnOrAdmin(c, params.id) }),
		rotateUserSecret: (c, { params, body }) =>
			rotateOwnerSecret(c, { kind: 'user', id: resolveOwnOrAdmin(c, params.id) }, body),
		revokeUserSecret: (c, { params }) => revokeOwnerSecret(c, { kind: 'user', id: resolveOwnOrAdmin(c, params.id) }),
	})
}

async function listUsers(
	c: CallerContext,
	query: { pageSize?: number | undefined; nextPage?: string | undefined },
): Promise<User[]> {
	const pageSize = query.pageSize ?? MAX_PAGE_SIZE
	const [afterId] = parsePageToken(query.nextPage, 1) ?? [0]
	const people = await listUserDetails(
		c.env.DB,
		c.var.user.organizationId,
		pageSize + 1,
		afterId!,
		c.var.services.now(),
	)
	const page = people.slice(0, pageSize)
	setPageHeaders(c, {
		returned: page.length,
		total: null,
		next: people.length > pageSize ? formatPageToken([page.at(-1)!.id]) : null,
	})
	return page.map(toUserResponse)
}

async function inviteUser(
	c: CallerContext,
	body: z.output<typeof InviteBody>,
): Promise<OperationResponse<typeof userOperations.inviteUser>> {
	const base = requireLinkBase(c)
	const result = await createInvitation(c.env.DB, getActor(c), body, c.var.services.now())
	if (!result.ok) throw ERROR_BY_REASON[result.reason]()
	return { user: toUserResponse(result.user), invitation: toLinkResponse(base, result.link) }
}

async function getUser(c: CallerContext, id: number): Promise<User> {
	const user = await findUserDetails(c.env.DB, c.var.user.organizationId, id, c.var.services.now())
	if (user === null) throw ERROR_BY_REASON.missing()
	return toUserResponse(user)
}

async function updateUser(c: CallerContext, id: number, body: z.output<typeof UserPatch>): Promise<User> {
	const changesRights = body.email !== undefined || body.role !== undefined
	if (changesRights) forbidApiKeys(c)
	if (changesRights || id !== c.var.user.id) requireRole(c, 'admin')
	const change = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined))
	const result = await updateUserDetails(c.env.DB, getActor(c), id, change, c.var.services.now())
	if (!result.ok) throw ERROR_BY_REASON[result.reason]()
	return await getUser(c, id)
}

async function deleteUser(c: CallerContext, id: number): Promise<undefined> {
	const result = await removeUser(c.env.DB, getActor(c), id, c.var.services.now())
	if (!result.ok) throw ERROR_BY_REASON[result.reason]()
}

async function resetPassword(
	c: CallerContext,
	id: number,
): Promise<OperationResponse<typeof userOperations.resetPassword>> {
	const base = requireLinkBase(c)
	const link = await createResetLink(c.env.DB, getActor(c), id, c.var.services.now())
	if (link === null) throw ERROR_BY_REASON.missing()
	return toLinkResponse(base, link)
}

async function changePassword(c: CallerContext, body: z.output<typeof PasswordBody>): Promise<undefined> {
	const { credential, user, services } = c.var
	const keptSessionId = credential.kind === 'session' ? credential.id : null
	const result = await updatePassword(c.env.DB, user, body, keptSessionId, getRequestOrigin(c), services.now())
	if (result.ok) return
	if (result.reason === 'locked') throw signInLockedError(result.seconds)
	if (result.reason === 'no-password')
		throw new Conflict('You have no password yet; set one with a link (POST /users/{id}/reset)')
	throw new BadRequest('current: expected your current password')
}

/** A user's id; `me` is the caller. */
function resolveUserId(c: CallerContext, id: string): number {
	return id === 'me' ? c.var.user.id : parseId(id)
}

/** Only admins can name another user. */
function resolveOwnOrAdmin(c: CallerContext, text: string): number {
	const id = resolveUserId(c, text)
	if (id !== c.var.user.id) requireRole(c, 'admin')
	return id
}

const ERROR_BY_REASON: Record<UserChangeError, () => Conflict | NotFound> = {
	missing: () => new NotFound('No such user'),
	taken: () => new Conflict('email: another user of your organization already has this address'),
	'last-admin': () => new Conflict('This would leave the organization without an admin who can sign in'),
}

function toUserResponse({ createdMs, link, ...fields }: UserDetails): User {
	return {
		...fields,
		fullName: `${fields.firstName} ${fields.lastName}`.trim(),
		active: fields.passwordSet || fields.secretSet,
		createdDate: toIsoSeconds(createdMs),
		link: link === null ? null : { purpose: link.purpose, expiresDate: toIsoSeconds(link.expiresMs) },
	}
}
