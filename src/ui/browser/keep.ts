/**
 * `<sb-keep name='connect' owner='17'>` around a form: what was typed is still there after a reload, and after
 * signing in again, in the same tab. `owner` is the viewer's id: nobody gets what another one typed. Passwords,
 * files and what is in `[data-secret]` are never kept; hidden fields only with `data-keep`.
 *
 * `clear` forgets what was kept under the name, on the page that says that it worked. `render` is a URL that returns
 * the form for posted values, for forms to which fields can be added: it is asked when fields were kept that this page
 * does not have.
 */

const PREFIX = 'sb-keep:'
const NEVER_KEPT = new Set(['password', 'file', 'submit', 'button', 'reset', 'image'])

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement

interface Kept {
	owner: string
	/** Name and value of each field in order, `null`: unticked. */
	values: [string, string | null][]
}

export class KeepElement extends HTMLElement {
	#isChanged = false

	connectedCallback(): void {
		const key = this.getAttribute('name')
		if (key === null) return
		if (this.hasAttribute('clear')) return forget(key)
		this.#restore(key)
		for (const type of ['input', 'change']) this.addEventListener(type, this.#onInput)
		addEventListener('pagehide', this.#save)
	}

	disconnectedCallback(): void {
		removeEventListener('pagehide', this.#save)
	}

	readonly #onInput = (): void => {
		this.#isChanged = true
		// At once: what comes next may replace the form, as the page of an ended session does.
		this.#save()
	}

	readonly #save = (): void => {
		if (!this.#isChanged) return
		const values = getFields(this).map((field): [string, string | null] => [field.name, toValue(field)])
		const kept: Kept = { owner: this.#owner, values }
		sessionStorage.setItem(PREFIX + this.getAttribute('name'), JSON.stringify(kept))
	}

	get #owner(): string {
		return this.getAttribute('owner') ?? ''
	}

	#restore(key: string): void {
		const kept = readKept(key)
		if (kept === null) return
		if (kept.owner !== this.#owner) return forget(key)
		const left = [...kept.values]
		for (const field of getFields(this)) {
			const index = left.findIndex(([name]) => name === field.name)
			if (index >= 0) fill(field, left.splice(index, 1)[0]![1])
		}
		const url = this.getAttribute('render')
		if (left.length === 0 || url === null) return
		void this.#render(url, kept.values).catch(() => undefined)
	}

	/** Replaces the form by the server's, for the fields as they are with what was kept. */
	async #render(url: string, values: Kept['values']): Promise<void> {
		const form = this.querySelector('form')
		if (form === null) return
		const fields = new FormData(form)
		for (const [name] of values) fields.delete(name)
		for (const [name, value] of values) if (value !== null) fields.append(name, value)
		const body = new URLSearchParams([...fields].map(([name, value]) => [name, String(value)]))
		const response = await fetch(url, { method: 'POST', headers: { 'HX-Request': 'true' }, body })
		if (!response.ok) return
		this.innerHTML = await response.text()
		window.htmx?.process(this)
	}
}

function getFields(root: Element): Field[] {
	const fields = root.querySelectorAll<Field>('input[name], select[name], textarea[name]')
	return [...fields].filter((field) => {
		if (NEVER_KEPT.has(field.type) || field.closest('[data-secret]') !== null) return false
		return field.type !== 'hidden' || 'keep' in field.dataset
	})
}

function isTickable(field: Field): field is HTMLInputElement {
	return field.type === 'checkbox' || field.type === 'radio'
}

function toValue(field: Field): string | null {
	return isTickable(field) && !field.checked ? null : field.value
}

function fill(field: Field, value: string | null): void {
	if (isTickable(field)) field.checked = value !== null
	else if (value !== null) field.value = value
}

function readKept(key: string): Kept | null {
	try {
		return JSON.parse(sessionStorage.getItem(PREFIX + key) ?? 'null') as Kept | null
	} catch {
		return null
	}
}

function forget(key: string): void {
	sessionStorage.removeItem(PREFIX + key)
}
