/** Forms. Each works without JavaScript; with `target`, htmx sends it and replaces a part of the page. */
import type { Child } from 'hono/jsx'
import type { FieldProblem } from '../../lib/values.ts'
import { formatCount } from './text.ts'
import { Notice } from './notice.tsx'

/** The form, with the token of the session, and what was refused on top. Errors of fields stand beside these. */
export function Form({
	csrf,
	action,
	target,
	swap = 'outerHTML',
	id,
	message,
	problems = [],
	children,
}: {
	/** `viewer.csrf`. Null: nobody is signed in. */
	csrf: string | null
	action: string
	/** Selector of the part that the response replaces. Left out: the browser loads the response as a page. */
	target?: string
	/** `none`: all that changes is out of band. */
	swap?: 'outerHTML' | 'innerHTML' | 'none'
	id?: string
	/** Why the whole was refused. */
	message?: string | null
	/** All that was refused. Those without a field ('') are listed on top, the others stand beside theirs. */
	problems?: readonly FieldProblem[]
	children?: Child
}) {
	const enhanced = target === undefined ? {} : { 'hx-post': action, 'hx-target': target, 'hx-swap': swap }
	return (
		<form method='post' action={action} id={id} {...enhanced}>
			{csrf === null ? null : <input type='hidden' name='csrf' value={csrf} />}
			<FormErrors message={message ?? null} problems={problems} />
			{children}
		</form>
	)
}

function FormErrors({ message, problems }: { message: string | null; problems: readonly FieldProblem[] }) {
	if (message === null && problems.length === 0) return null
	const general = problems.filter(({ field }) => field === '')
	const beside = problems.length - general.length
	return (
		<Notice tone='bad' alert>
			<p>{message ?? `${formatCount(problems.length, 'thing')} to correct. Nothing was changed.`}</p>
			{general.length === 0 ? null : (
				<ul>
					{general.map((problem) => (
						<li>{problem.message}</li>
					))}
				</ul>
			)}
			{beside === 0 || message === null ? null : <p>{beside === 1 ? 'It is' : 'They are'} marked below.</p>}
		</Notice>
	)
}

/** The messages of a field's problems, a line each; null: it has none. */
export function findProblem(problems: readonly FieldProblem[], field: string): string | null {
	const messages = problems.filter((problem) => problem.field === field).map(({ message }) => message)
	return messages.length === 0 ? null : [...new Set(messages)].join('\n')
}
