/** The steps of a longer form, which fold. */
import type { Child } from 'hono/jsx'
import { Icon } from './icon.tsx'

/** Where a step stands: finished, being filled in, still to come, or refused. */
export type StepState = 'done' | 'now' | 'next' | 'wrong'

const SPOKEN: Readonly<Record<StepState, string>> = {
	done: 'finished',
	now: 'current',
	next: 'to come',
	wrong: 'needs a correction',
}

/** One step. `summary`: what was chosen, shown while it is closed. Put steps into one `section` of the class `card`. */
export function Step({
	number,
	title,
	state,
	summary,
	open = state === 'now' || state === 'wrong',
	id,
	children,
}: {
	number: number
	title: string
	state: StepState
	summary?: Child
	open?: boolean
	id?: string
	children?: Child
}) {
	return (
		<div class='step' id={id}>
			<StepBadge number={number} state={state} id={id === undefined ? undefined : `${id}-badge`} />
			<details open={open}>
				<summary>
					<h2>
						{title}
						<span class='spoken'>
							, step {number}, {SPOKEN[state]}
						</span>
					</h2>
					{summary === undefined ? null : <div class='soft short-of'>{summary}</div>}
				</summary>
				{children}
			</details>
		</div>
	)
}

/** The number of a step, or how it ended. `oob`: in a response of an action. */
export function StepBadge({
	number,
	state,
	id,
	oob = false,
}: {
	number: number
	state: StepState
	id: string | undefined
	oob?: boolean
}) {
	return (
		<span
			id={id}
			class={state === 'next' ? 'no' : `no ${state}`}
			aria-hidden='true'
			hx-swap-oob={oob ? 'outerHTML' : undefined}
		>
			{state === 'done' ? <Icon name='check' /> : state === 'wrong' ? '!' : number}
		</span>
	)
}
