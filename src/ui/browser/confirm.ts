/**
 * `<sb-confirm>` around a link to a page that asks before something is done: the link opens a `<dialog>` of the server
 * that asks the same and holds the form that does it.
 *
 *     <sb-confirm>
 *       <a href='…/delete'>Delete</a>
 *       <dialog aria-labelledby='…'><form method='post' action='…/delete'>… <button formmethod='dialog'>Cancel</button>
 *         <button>Delete</button></form></dialog>
 *     </sb-confirm>
 *
 * The dialog of a link in a menu stands elsewhere, since the menu closes: `<sb-confirm dialog='its id'>`.
 */
export class ConfirmElement extends HTMLElement {
	connectedCallback(): void {
		this.addEventListener('click', this.#onClick)
	}

	get #dialog(): HTMLDialogElement | null {
		const id = this.getAttribute('dialog')
		const found = id === null ? this.querySelector('dialog') : document.getElementById(id)
		return found instanceof HTMLDialogElement ? found : null
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
}
