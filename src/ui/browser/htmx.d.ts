/** What of htmx is called here; it is a script of its own. */
interface Window {
	/** `process` gives attributes in what was inserted their effect. */
	readonly htmx?: { process(element: Element): void }
}
