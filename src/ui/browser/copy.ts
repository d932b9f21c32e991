/**
 * `<sb-copy>`: a button that copies. What is copied: the attribute `value`, else the field or text of the element with
 * the id in `from`, else the first `code`, `pre`, `input` or `textarea` within. The element makes its own button
 * (`text`: what is on it, `label`: its name), so that without JavaScript there is none. The result is spoken, and shown
 * for two seconds.
 */

const SHOWN_MS = 2_000

export class CopyElement extends HTMLElement {
	#button: HTMLButtonElement | null = null
	#status: HTMLElement | null = null
	#timer = 0

	connectedCallback(): void {
		if (this.#button !== null) return
		// What htmx puts back from a history entry may have one already.
		for (const old of this.querySelectorAll(':scope > .copy, :scope > .spoken')) old.remove()
		const button = document.createElement('button')
		button.type = 'button'
		button.className = 'copy'
		button.textContent = this.#text
		const label = this.getAttribute('label')
		if (label !== null) button.ariaLabel = label
		button.addEventListener('click', () => void this.#copy())
		const status = document.createElement('span')
		status.className = 'spoken'
		status.role = 'status'
		this.prepend(button, status)
		this.#button = button
		this.#status = status
	}

	disconnectedCallback(): void {
		clearTimeout(this.#timer)
	}

	async #copy(): Promise<void> {
		const source = this.#getSource()
		try {
			await navigator.clipboard.writeText(this.getAttribute('value') ?? toText(source))
			this.#say('Copied')
		} catch {
			// No right to the clipboard: what is to be copied is at least selected.
			if (source === null) return this.#say('Not copied')
			if (isField(source)) source.select()
			else getSelection()?.selectAllChildren(source)
			this.#say('Selected')
		}
	}

	get #text(): string {
		return this.getAttribute('text') ?? 'Copy'
	}

	#getSource(): Element | null {
		const id = this.getAttribute('from')
		return id === null ? this.querySelector('code, pre, input, textarea') : document.getElementById(id)
	}

	#say(word: string): void {
		const [button, status] = [this.#button!, this.#status!]
		button.textContent = word
		status.textContent = word
		clearTimeout(this.#timer)
		this.#timer = setTimeout(() => {
			button.textContent = this.#text
			status.textContent = ''
		}, SHOWN_MS)
	}
}

function isField(element: Element): element is HTMLInputElement | HTMLTextAreaElement {
	return element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement
}

function toText(element: Element | null): string {
	if (element === null) return ''
	return isField(element) ? element.value : element.textContent.trimEnd()
}
