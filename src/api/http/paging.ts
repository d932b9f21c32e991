/**
 * Lists in pages: how a page is asked for and how the next one is named (docs/contract.md §6, §8). Page tokens are
 * opaque to callers.
 */
import type { Context } from 'hono'
import * as z from 'zod'
import { BadRequest } from '../../lib/errors.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { PAGE_TOKEN } from './examples.ts'

/** Most records of a page. */
export const MAX_PAGE_SIZE = LIMITS.pageSize.value

/** `pageSize` of a query: a whole number from 1 to 200. */
export const PageSize = z
	.string()
	.regex(/^\d{1,6}$/, `expected a whole number from 1 to ${MAX_PAGE_SIZE}`)
	.transform(Number)
	.refine((size: number) => size >= 1 && size <= MAX_PAGE_SIZE, `expected a whole number from 1 to ${MAX_PAGE_SIZE}`)
	.meta({ description: `Records of the page: 1 to ${MAX_PAGE_SIZE}`, examples: ['50'] })

/** `nextPage` of a query. */
export const NextPage = z
	.string()
	.max(LIMITS.pageToken.value, expectedAtMost('pageToken'))
	.optional()
	.meta({ description: 'The `Elements-Next-Page-Token` of the page before', examples: [PAGE_TOKEN] })

/** A text, or a list of them. */
export const StringOrList = z.union([z.string(), z.array(z.string())], 'expected a list of texts')

/**
 * A parameter that may be given several times. Handlers read it with `listParameter`, which takes it with and without
 * `[]`.
 */
export const OptionalStringList = StringOrList.optional()

/** A page token out of the numbers that say where the next page begins. */
export function formatPageToken(numbers: readonly number[]): string {
	return Buffer.from(numbers.join('.')).toString('base64url')
}

/** The numbers of a page token, as many as expected; null for the first page. 400 when it is none of ours. */
export function parsePageToken(token: string | undefined, count: number): number[] | null {
	if (token === undefined || token === '') return null
	const numbers = Buffer.from(token, 'base64url').toString().split('.')
	if (numbers.length !== count || !numbers.every((number: string) => /^\d{1,16}$/.test(number)))
		throw new BadRequest('nextPage: expected the Elements-Next-Page-Token of an earlier answer')
	return numbers.map(Number)
}

/** Sets the headers of a list. `total` and `next` are left out where nobody knows them. */
export function setPageHeaders(
	c: Context,
	page: { returned: number; total: number | null; next: string | null },
): void {
	c.header('Elements-Returned-Count', String(page.returned))
	if (page.total !== null) c.header('Elements-Total-Count', String(page.total))
	if (page.next !== null) c.header('Elements-Next-Page-Token', page.next)
}

/**
 * A query parameter that may be given several times, as `name[]`, as `name`, or with commas never meant as separators.
 */
export function listParameter(c: Context, name: string): string[] {
	return [...(c.req.queries(`${name}[]`) ?? []), ...(c.req.queries(name) ?? [])].filter((value) => value.trim() !== '')
}
