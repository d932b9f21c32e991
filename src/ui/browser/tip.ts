/** The one tip of the page: a line of text beside an element that is hovered or focused. */

const GAP_PX = 6

let tip: HTMLElement | null = null

/** Shows a text at an element, which it also describes to screen readers. */
export function showTip(owner: HTMLElement, text: string): void {
	hideTip()
	if (tip?.isConnected !== true) {
		tip = document.createElement('div')
		tip.id = 'sb-tip'
		tip.className = 'tip'
		tip.role = 'tooltip'
		// The top layer: no scrolling box cuts it off.
		tip.popover = 'manual'
		document.body.append(tip)
	}
	tip.textContent = text
	owner.setAttribute('aria-describedby', tip.id)
	tip.showPopover()
	const [box, size] = [owner.getBoundingClientRect(), tip.getBoundingClientRect()]
	const above = box.top - size.height - GAP_PX
	tip.style.top = `${above >= 0 ? above : box.bottom + GAP_PX}px`
	tip.style.left = `${Math.max(GAP_PX, Math.min(box.left, innerWidth - size.width - GAP_PX))}px`
}

/** Hides it. */
export function hideTip(): void {
	if (tip?.matches(':popover-open') !== true) return
	tip.hidePopover()
	document.querySelector(`[aria-describedby='${tip.id}']`)?.removeAttribute('aria-describedby')
}

document.addEventListener('keydown', (event) => {
	if (event.key === 'Escape') hideTip()
})
document.addEventListener('scroll', hideTip, { capture: true, passive: true })
