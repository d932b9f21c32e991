/**
 * A form is sent once: while an answer is awaited, another press does nothing. htmx would queue it and send it after
 * the first. Buttons are marked instead of disabled, so that they keep the focus. What parts of the form were asked
 * before is no longer shown: it could replace the page that the answer belongs to.
 */

/** A form whose answer is a file leaves the page as it is: after this long it can be sent again, ms. */
const MAX_SENDING_MS = 15_000

/** What of htmx's events is used. */
interface RequestDetail {
	ctx?: { sourceElement: Element; request: { method: string; submitter?: HTMLElement | null } }
}

function mark(form: Element, submitter: HTMLElement | null): void {
	form.ariaBusy = 'true'
	if (submitter !== null) submitter.ariaDisabled = 'true'
}

function unmark(form: Element): void {
	form.ariaBusy = null
	for (const button of [form, ...form.querySelectorAll('[aria-disabled]')]) button.ariaDisabled = null
	// A button may belong to a form that it stands outside of.
	if (form.id === '') return
	for (const button of document.querySelectorAll(`[form='${CSS.escape(form.id)}']`)) button.ariaDisabled = null
}

/** Begins to watch every form of the page, also those that come later. */
export function sendFormsOnce(): void {
	const refuse = (event: Event): void => {
		const element = event.target as Element
		const isSending = event.type === 'submit' ? element.ariaBusy === 'true' : element.closest('[aria-disabled=true]')
		if (isSending === false || isSending === null) return
		event.preventDefault()
		event.stopImmediatePropagation()
	}
	for (const type of ['submit', 'click']) document.addEventListener(type, refuse, { capture: true })

	// Here at last: htmx has prevented what it sends itself.
	document.addEventListener('submit', (event) => {
		const form = event.target as HTMLFormElement
		// A button that closes its dialog submits the form too, and sends nothing.
		const isClosed = event.submitter?.getAttribute('formmethod') === 'dialog'
		if (event.defaultPrevented || form.method !== 'post' || isClosed) return
		mark(form, event.submitter)
		setTimeout(() => unmark(form), MAX_SENDING_MS)
	})
	document.addEventListener('htmx:before:request', (event) => {
		const { ctx } = (event as CustomEvent<RequestDetail>).detail
		if (ctx === undefined || ctx.request.method === 'GET') return
		const { sourceElement } = ctx
		const own = sourceElement instanceof HTMLButtonElement ? sourceElement : null
		mark(sourceElement, ctx.request.submitter ?? own)
	})
	document.addEventListener('htmx:before:swap', (event) => {
		const { ctx } = (event as CustomEvent<RequestDetail>).detail
		if (ctx?.sourceElement.parentElement?.closest('form')?.ariaBusy === 'true') event.preventDefault()
	})
	document.addEventListener('htmx:finally:request', (event) => {
		const { ctx } = (event as CustomEvent<RequestDetail>).detail
		if (ctx !== undefined) unmark(ctx.sourceElement)
	})
	// The page comes back as it was left.
	addEventListener('pageshow', ({ persisted }) => {
		if (persisted) for (const form of document.querySelectorAll('[aria-busy=true]')) unmark(form)
	})
}
