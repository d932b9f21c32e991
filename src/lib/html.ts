/** Text inside HTML. Pure. */

/** Text as HTML, also within an attribute's quotes. */
export function escapeHtml(text: string): string {
	return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
