/** A part of the form that an act replaces. What is typed meanwhile, and the focus, stay. */
import type { Child } from 'hono/jsx'

/** `oob`: in a response of an act. */
export function Part({
	id,
	oob,
	inline = false,
	children,
}: {
	id: string
	oob: boolean
	inline?: boolean
	children?: Child
}) {
	return (
		<div id={id} class={inline ? 'cells' : undefined} hx-swap-oob={oob ? 'outerMorph' : undefined}>
			{children}
		</div>
	)
}

/** The props of every part. */
export interface PartProps<View> {
	view: View
	oob?: boolean
}
