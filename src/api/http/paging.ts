/** Paging of lists (docs/contract.md §6, §8). Page tokens are opaque to callers. */
import type { Context } from 'hono'
import * as z from 'zod'
import { BadRequest } from '../../lib/errors.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { PAGE_TOKEN } from './examples.ts'

export const MAX_PAGE_SIZE = LIMITS.pageSize.value

/** `pageSize` of a query: a whole number from 1 to 200. */
export const PageSize = z
	.string()
	.regex(/^\d{1,6}$/, `expected a whole number from 1 to ${MAX_PAGE_SIZE}`)
	.transform(Number)
	.refine((size: number) => size >= 1 && size <= MAX_PAGE_SIZE, `expected a whole number from 1 to ${MAX_PAGE_SIZE}`)
	.meta({ description: `Number of items per page, 1 to ${MAX_PAGE_SIZE}`, examples: ['50'] })

/** `nextPage` of a query. */
export const NextPage = z
	.string()
	.max(LIMITS.pageToken.value, expectedAtMost('pageToken'))
	.optional()
	.meta({ description: 'The `Elements-Next-Page-Token` of the previous page', examples: [PAGE_TOKEN] })

/** A string, or a list of strings. */
export const StringOrList = z.union([z.string(), z.array(z.string())], 'expected a list of texts')

/** A parameter that can be repeated. Handlers read it with `listParameter`, which accepts it with and without `[]`. */
export const OptionalStringList = StringOrList.optional()

/** A page token from the numbers that say where the next page begins. */
export function formatPageToken(numbers: readonly number[]): string {
	return Buffer.from(numbers.join('.')).toString('base64url')
}

/** The numbers of a page token; null for the first page; 400 for an invalid token. */
export function parsePageToken(token: string | undefined, count: number): number[] | null {
	if (token === undefined || token === '') return null
	const numbers = Buffer.from(token, 'base64url').toString().split('.')
	if (numbers.length !== count || !numbers.every((number: string) => /^\d{1,16}$/.test(number)))
		throw new BadRequest('nextPage: expected the Elements-Next-Page-Token of an earlier response')
	return numbers.map(Number)
}

/** Sets the headers of a list; null leaves a header out. */
export function setPageHeaders(
	c: Context,
	page: { returned: number; total: number | null; next: string | null },
): void {
	c.header('Elements-Returned-Count', String(page.returned))
	if (page.total !== null) c.header('Elements-Total-Count', String(page.total))
	if (page.next !== null) c.header('Elements-Next-Page-Token', page.next)
}

/** The values of a repeatable query parameter, `name[]` or `name`. Commas do not separate values. */
export function listParameter(c: Context, name: string): string[] {
	return [...(c.req.queries(`${name}[]`) ?? []), ...(c.req.queries(name) ?? [])].filter((value) => value.trim() !== '')
}
