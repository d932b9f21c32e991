/** The element that a path names. */
import type { Element } from '../../elements/element.ts'
import { findElement } from '../../elements/registry.ts'
import { NotFound } from '../../lib/errors.ts'

/** An element by its key or id; 404 when there is none. */
export function requireElement(keyOrId: string | undefined): Element {
	const element = findElement(keyOrId ?? '')
	if (element === undefined) throw new NotFound('No such element')
	return element
}
