/**
 * `<sb-confirm>` asks before something is done. It holds a form (or a link) and a `<dialog>` that the server
 * rendered:
 *
 *     <sb-confirm>
 *       <form method='post' action='…/delete'>…<button>Delete</button></form>
 *       <dialog aria-labelledby='…'>… <form method='dialog'>
 *         <button value='cancel'>Keep it</button> <button value='confirm'>Delete</button></form></dialog>
 *     </sb-confirm>
 *
 * Sending the form opens the dialog; its button with the value `confirm` sends the form, with `confirmed=true`
 * among its fields. Without JavaScript the form is sent at once and without that field: the server answers with a
 * page that asks. A link opens the dialog instead of its page; the dialog then holds the form that does it. The dialog
 * of a link in a menu stands elsewhere, since the menu closes: `<sb-confirm dialog='its id'>`.
 */
export class ConfirmElement extends HTMLElement {
	#pending: { form: HTMLFormElement; submitter: HTMLElement | null } | null = null
	#isConfirmed = false

	connectedCallback(): void {
		// Before htmx, which listens at the form.
		this.addEventListener('submit', this.#onSubmit, { capture: true })
		this.addEventListener('click', this.#onClick)
		this.#dialog?.addEventListener('close', this.#onClose)
	}

	get #dialog(): HTMLDialogElement | null {
		const id = this.getAttribute('dialog')
		const found = id === null ? this.querySelector('dialog') : document.getElementById(id)
		return found instanceof HTMLDialogElement ? found : null
	}

	readonly #onSubmit = (event: SubmitEvent): void => {
		const form = event.target as HTMLFormElement
		const dialog = this.#dialog
		if (dialog === null || dialog.contains(form)) return
		if (this.#isConfirmed) return
		event.preventDefault()
		event.stopImmediatePropagation()
		this.#pending = { form, submitter: event.submitter }
		dialog.returnValue = ''
		dialog.showModal()
	}

	readonly #onClick = (event: MouseEvent): void => {
		const dialog = this.#dialog
		const link = (event.target as Element).closest('a[href]')
		const isOther = event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey
		if (dialog === null || link === null || dialog.contains(link) || isOther) return
		event.preventDefault()
		// The focus goes back to what opened the menu, and there again when the dialog closes.
		link.closest<HTMLElement>('[popover]:popover-open')?.hidePopover()
		dialog.returnValue = ''
		dialog.showModal()
	}

	readonly #onClose = (): void => {
		const pending = this.#pending
		this.#pending = null
		if (pending === null || this.#dialog?.returnValue !== 'confirm') return
		const field = document.createElement('input')
		field.type = 'hidden'
		field.name = 'confirmed'
		field.value = 'true'
		pending.form.append(field)
		this.#isConfirmed = true
		try {
			pending.form.requestSubmit(pending.submitter)
		} finally {
			this.#isConfirmed = false
			field.remove()
		}
	}
}
