/**
 * `<sb-presets for='id'><button type='button' value='5'>…`: buttons that put their value into the field with this
 * id, and show which one it has.
 */
export class PresetsElement extends HTMLElement {
	connectedCallback(): void {
		const field = document.getElementById(this.getAttribute('for') ?? '')
		if (!(field instanceof HTMLInputElement)) return
		const buttons = [...this.querySelectorAll('button')]
		const mark = (): void => {
			for (const button of buttons) {
				const isOn = button.value === field.value
				button.classList.toggle('on', isOn)
				button.ariaPressed = String(isOn)
			}
		}
		for (const button of buttons)
			button.addEventListener('click', () => {
				field.value = button.value
				for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }))
			})
		field.addEventListener('input', mark)
		mark()
	}
}
