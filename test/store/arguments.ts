/** The arguments of list routes: what `OPTIONS` names and what a request is checked against. */
import { RestError } from './reply.ts'
import type { Param, Params } from './query.ts'
import type { Rec, Version } from './types.ts'

/** One argument, in the words of WordPress's schema. */
export interface Argument {
	description: string
	type: 'string' | 'integer' | 'boolean' | 'array'
	format?: 'date-time'
	items?: { type: 'string' | 'integer'; enum?: string[] }
	enum?: string[]
	minimum?: number
	maximum?: number
	default?: unknown
	required: false
}

function argument(type: Argument['type'], description: string, more: Partial<Argument> = {}): Argument {
	return { description, type, ...more, required: false }
}

const date = (description: string): Argument => argument('string', description, { format: 'date-time' })
const ids = (description: string): Argument =>
	argument('array', description, { items: { type: 'integer' }, default: [] })

/** The order statuses that REST knows without plugins. */
export const ORDER_STATUSES = [
	'pending',
	'processing',
	'on-hold',
	'completed',
	'cancelled',
	'refunded',
	'failed',
	'checkout-draft',
]

/** The roles of a site without plugins. */
export const ROLES = ['administrator', 'editor', 'author', 'contributor', 'subscriber', 'customer', 'shop_manager']

const PRODUCT_ORDER = [
	'date',
	'id',
	'include',
	'title',
	'slug',
	'modified',
	'popularity',
	'rating',
	'post__in',
	'price',
	'sales',
	'menu_order',
	'random',
	'popularity',
	'rating',
	'menu_order',
	'price',
	'popularity',
	'rating',
]

function paging(): Record<string, Argument> {
	return {
		page: argument('integer', 'Current page of the collection.', { default: 1, minimum: 1 }),
		per_page: argument('integer', 'Maximum number of items to be returned in result set.', {
			default: 10,
			minimum: 1,
			maximum: 100,
		}),
		search: argument('string', 'Limit results to those matching a string.'),
		exclude: ids('Ensure result set excludes specific IDs.'),
		include: ids('Limit result set to specific ids.'),
		offset: argument('integer', 'Offset the result set by a specific number of items.'),
	}
}

function posts(version: Version): Record<string, Argument> {
	const dated: Record<string, Argument> = {
		after: date('Limit response to resources published after a given ISO8601 compliant date.'),
		before: date('Limit response to resources published before a given ISO8601 compliant date.'),
	}
	// docs/woocommerce.md §3: the modified filters came with 5.8; an older store ignores them in silence.
	if (version !== '5.5') {
		dated.modified_after = date('Limit response to resources modified after a given ISO8601 compliant date.')
		dated.modified_before = date('Limit response to resources modified before a given ISO8601 compliant date.')
		dated.dates_are_gmt = argument(
			'boolean',
			'Whether to consider GMT post dates when limiting response by published or modified date.',
			{
				default: false,
			},
		)
	}
	return {
		...paging(),
		...dated,
		order: argument('string', 'Order sort attribute ascending or descending.', {
			default: 'desc',
			enum: ['asc', 'desc'],
		}),
		parent: ids('Limit result set to those of particular parent IDs.'),
		parent_exclude: ids('Limit result set to all items except those of a particular parent ID.'),
	}
}

function terms(orders: string[], more: Record<string, Argument> = {}): Record<string, Argument> {
	return {
		...paging(),
		order: argument('string', 'Order sort attribute ascending or descending.', {
			default: 'asc',
			enum: ['asc', 'desc'],
		}),
		orderby: argument('string', 'Sort collection by resource attribute.', { default: orders[0], enum: orders }),
		...more,
	}
}

const known = new Map<string, Readonly<Record<string, Argument>>>()

/** The arguments of a collection, by its name in the address. */
export function argumentsOf(collection: string, version: Version): Readonly<Record<string, Argument>> {
	const key = `${version} ${collection}`
	let args = known.get(key)
	if (args === undefined) {
		args = makeArguments(collection, version)
		known.set(key, args)
	}
	return args
}

const TAX_CLASSES = ['standard', 'reduced-rate', 'zero-rate']

function makeArguments(collection: string, version: Version): Record<string, Argument> {
	const orders = ['date', 'id', 'include', 'title', 'slug', ...(version === '5.5' ? [] : ['modified'])]
	const orderby = (list: string[]): Argument =>
		argument('string', 'Sort collection by object attribute.', { default: 'date', enum: list })
	switch (collection) {
		case 'orders':
			return {
				...posts(version),
				orderby: orderby(orders),
				status: argument('array', 'Limit result set to orders which have specific statuses.', {
					default: 'any',
					items: { type: 'string', enum: ['any', 'trash', 'auto-draft', ...ORDER_STATUSES] },
				}),
				customer: argument('integer', 'Limit result set to orders assigned a specific customer.'),
				product: argument('integer', 'Limit result set to orders assigned a specific product.'),
				dp: argument('integer', 'Number of decimal points to use in each resource.', { default: 2 }),
			}
		case 'refunds':
			return {
				...posts(version),
				orderby: orderby(orders),
				dp: argument('integer', 'Number of decimal points to use in each resource.', { default: 2 }),
			}
		case 'products':
		case 'variations': {
			const statuses = ['any', 'future', 'trash', 'draft', 'pending', 'private', 'publish']
			return {
				...posts(version),
				orderby: orderby(version === '5.5' ? PRODUCT_ORDER.filter((by) => by !== 'modified') : PRODUCT_ORDER),
				slug: argument('string', 'Limit result set to products with a specific slug.'),
				status: argument('string', 'Limit result set to products assigned a specific status.', {
					default: 'any',
					enum: statuses,
				}),
				include_status: argument('array', 'Limit result set to products with any of the statuses.', {
					items: { type: 'string', enum: statuses },
				}),
				exclude_status: argument('array', 'Exclude products with any of the statuses from result set.', {
					items: { type: 'string', enum: statuses.filter((status) => status !== 'any') },
				}),
				type: argument('string', 'Limit result set to products assigned a specific type.', {
					enum: ['simple', 'grouped', 'external', 'variable'],
				}),
				sku: argument('string', 'Limit result set to products with specific SKU(s). Use commas to separate.'),
				featured: argument('boolean', 'Limit result set to featured products.'),
				category: argument('string', 'Limit result set to products assigned a specific category ID.'),
				tag: argument('string', 'Limit result set to products assigned a specific tag ID.'),
				on_sale: argument('boolean', 'Limit result set to products on sale.'),
				stock_status: argument('string', 'Limit result set to products with specified stock status.', {
					enum: ['instock', 'outofstock', 'onbackorder'],
				}),
			}
		}
		case 'coupons':
			return {
				...posts(version),
				orderby: orderby(orders),
				code: argument('string', 'Limit result set to resources with a specific code.'),
				...(version === '11.0' && {
					status: argument('string', 'Limit result set to coupons assigned a specific status.', { default: 'publish' }),
				}),
			}
		case 'customers':
			return {
				...terms(['name', 'id', 'include', 'registered_date']),
				orderby: argument('string', 'Sort collection by object attribute.', {
					default: 'name',
					enum: ['id', 'include', 'name', 'registered_date'],
				}),
				email: argument('string', 'Limit result set to resources with a specific email.'),
				role: argument('string', 'Limit result set to resources with a specific role.', {
					default: 'customer',
					enum: ['all', ...ROLES],
				}),
			}
		case 'reviews':
			return {
				...paging(),
				after: date('Limit response to resources published after a given ISO8601 compliant date.'),
				before: date('Limit response to reviews published before a given ISO8601 compliant date.'),
				order: argument('string', 'Order sort attribute ascending or descending.', {
					default: 'desc',
					enum: ['asc', 'desc'],
				}),
				orderby: argument('string', 'Sort collection by object attribute.', {
					default: 'date_gmt',
					enum: ['date', 'date_gmt', 'id', 'include', 'product'],
				}),
				product: ids('Limit result set to reviews assigned to specific product IDs.'),
				status: argument('string', 'Limit result set to reviews assigned a specific status.', {
					default: 'approved',
					enum: ['all', 'hold', 'approved', 'spam', 'trash'],
				}),
			}
		case 'taxes':
			return terms(['order', 'id', 'priority'], {
				class: argument('string', 'Sort by tax class.', { enum: TAX_CLASSES }),
			})
		case 'categories':
		case 'tags':
		case 'terms':
			return terms(['name', 'id', 'include', 'slug', 'term_group', 'description', 'count'], {
				hide_empty: argument('boolean', 'Whether to hide resources not assigned to any products.', { default: false }),
				slug: argument('string', 'Limit result set to resources with a specific slug.'),
			})
		case 'webhooks': {
			const { parent: _, parent_exclude: __, ...rest } = posts('5.5')
			return {
				...rest,
				orderby: argument('string', 'Sort collection by object attribute.', {
					default: 'date',
					enum: ['date', 'id', 'title'],
				}),
				status: argument('string', 'Limit result set to webhooks assigned a specific status.', {
					default: 'all',
					enum: ['all', 'active', 'paused', 'disabled'],
				}),
			}
		}
		case 'reports/sales':
		case 'reports/top_sellers':
			return {
				period: argument('string', 'Report period.', { enum: ['week', 'month', 'last_month', 'year'] }),
				date_min: argument(
					'string',
					'Return sales for a specific start date, the date need to be in the YYYY-MM-DD format.',
				),
				date_max: argument(
					'string',
					'Return sales for a specific end date, the date need to be in the YYYY-MM-DD format.',
				),
			}
		case 'notes':
			return {
				type: argument('string', 'Limit result to customers or internal notes.', {
					default: 'any',
					enum: ['any', 'customer', 'internal'],
				}),
			}
		default:
			return {}
	}
}

function listed(names: string[]): string {
	const unique = names
	return unique.length < 2 ? unique.join('') : `${unique.slice(0, -1).join(', ')}, and ${unique[unique.length - 1]}`
}

interface Problem {
	code: string
	message: string
	data: Rec | null
}

const DATE = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}(?::\d{2})?)?$/

function check(
	name: string,
	value: Param,
	argument: Pick<Argument, 'type' | 'enum' | 'minimum' | 'maximum' | 'format' | 'items'>,
): Problem | null {
	const type = (wanted: string): Problem => ({
		code: 'rest_invalid_type',
		message: `${name} is not of type ${wanted}.`,
		data: { param: name },
	})
	if (argument.type === 'integer') {
		if (String(value).trim() === '' || !Number.isInteger(Number(value))) return type('integer')
		const number = Number(value)
		const { minimum, maximum } = argument
		const bounds = (message: string): Problem => ({
			code: 'rest_out_of_bounds',
			message: `${name} must be ${message}`,
			data: null,
		})
		if (minimum !== undefined && maximum !== undefined && (number < minimum || number > maximum))
			return bounds(`between ${minimum} (inclusive) and ${maximum} (inclusive)`)
		if (minimum !== undefined && number < minimum) return bounds(`greater than or equal to ${minimum}`)
	}
	if (argument.type === 'boolean' && !['true', 'false', '1', '0', ''].includes(String(value).toLowerCase()))
		return type('boolean')
	if (argument.type === 'array') {
		const { items } = argument
		for (const [i, item] of asList(value).entries()) {
			const problem = items && check(`${name}[${i}]`, item, items)
			if (problem) return problem
		}
	}
	if (argument.format === 'date-time' && !DATE.test(String(value)))
		return { code: 'rest_invalid_date', message: 'Invalid date.', data: null }
	if (argument.enum && !argument.enum.includes(String(value))) {
		return { code: 'rest_not_in_enum', message: `${name} is not one of ${listed(argument.enum)}.`, data: null }
	}
	return null
}

/** A list as WordPress takes one: repeated, indexed or divided by commas. */
export function asList(value: Param): string[] {
	if (value === undefined || value === null) return []
	if (Array.isArray(value)) return value.filter((item) => item !== undefined).map(String)
	return String(value)
		.split(/[\s,]+/)
		.filter((item) => item !== '')
}

/** Throws the 400 that WordPress answers to bad parameters; several are named together. */
export function validate(params: Params, known: Record<string, Argument>, allow?: string): void {
	const problems: [string, Problem][] = []
	for (const [name, argument] of Object.entries(known)) {
		if (!params.has(name)) continue
		const problem = check(name, params.get(name), argument)
		if (problem) problems.push([name, problem])
	}
	if (problems.length > 0) throw invalid(problems, allow)
}

function invalid(problems: [string, Problem][], allow?: string): RestError {
	return new RestError(
		400,
		'rest_invalid_param',
		`Invalid parameter(s): ${problems.map(([name]) => name).join(', ')}`,
		{
			params: Object.fromEntries(problems.map(([name, { message }]) => [name, message])),
			details: Object.fromEntries(problems),
		},
		allow,
	)
}

/** The 400 for one bad parameter of a write. */
export function badParameter(name: string, code: string, message: string, allow?: string): RestError {
	return invalid([[name, { code, message, data: null }]], allow)
}

/** The 400 for a value outside its list. */
export function notOneOf(name: string, list: string[], allow?: string): RestError {
	return badParameter(name, 'rest_not_in_enum', `${name} is not one of ${listed(list)}.`, allow)
}
