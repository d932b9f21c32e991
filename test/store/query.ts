/** Request parameters as PHP reads them, and their way back into the addresses of `Link` headers. */

/** A parameter's value: text, a list, or whatever a JSON body carried. */
export type Param = unknown

/** Parameters in their order; `a[]=1&a[]=2` and `a[0]=1` become lists. */
export type Params = Map<string, Param>

/** Reads a query string (or a form body) as PHP does: the last value wins, brackets make lists. */
export function parseQuery(query: string): Params {
	const params: Params = new Map()
	for (const pair of query.split('&')) {
		if (pair === '') continue
		const at = pair.indexOf('=')
		const name = variable(decode(at < 0 ? pair : pair.slice(0, at)))
		if (name === '') continue
		const value = at < 0 ? '' : decode(pair.slice(at + 1))
		const list = /^([^[]+)\[([^\]]*)\]/.exec(name)
		if (!list) {
			params.set(name, value)
			continue
		}
		const key = list[1] as string
		const known = params.get(key)
		const items: string[] = Array.isArray(known) ? known : []
		if (list[2] === '') items.push(value)
		else items[Number(list[2])] = value
		params.set(key, items)
	}
	return params
}

/** PHP's name of a variable: no spaces in front, nothing after a NUL, dots and spaces in front of a bracket as `_`. */
function variable(text: string): string {
	const name = (text.split('\0')[0] ?? '').replace(/^ +/, '')
	const at = name.indexOf('[')
	if (at === 0) return ''
	const end = at > 0 && name.includes(']', at) ? at : name.length
	return name.slice(0, end).replace(/[ .[]/g, '_') + name.slice(end)
}

function decode(text: string): string {
	const spaced = text.replace(/\+/g, ' ')
	try {
		return decodeURIComponent(spaced)
	} catch {
		return spaced
	}
}

/** PHP's `urlencode`: spaces as plus, only `-_.` and alphanumerics bare. */
export function urlencode(text: string): string {
	return rawurlencode(text).replace(/~/g, '%7E').replace(/%20/g, '+')
}

/** PHP's `rawurlencode` (RFC 3986). */
export function rawurlencode(text: string): string {
	return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

/**
 * The query of a `Link` address: lists with their indexes, booleans as 1 or nothing at all; a trailing `=` is lost and
 * a plus stays bare, as WordPress's `add_query_arg` leaves them.
 */
export function linkQuery(params: Params): string {
	const pairs: string[] = []
	for (const [name, value] of params) {
		if (value === false || value === null || value === undefined) continue
		if (Array.isArray(value))
			value.forEach((item, i) => pairs.push(`${urlencode(`${name}[${i}]`)}=${urlencode(String(item))}`))
		else {
			const text = urlencode(value === true ? '1' : String(value))
				.replace(/(%3D)+$/, '')
				.replace(/%2B/g, '+')
			pairs.push(text === '' ? urlencode(name) : `${urlencode(name)}=${text}`)
		}
	}
	return pairs.join('&')
}
