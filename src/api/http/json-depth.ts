/**
 * How deep the brackets of a JSON text are nested, without parsing it: a value that is too deep overflows the stack.
 */
export function getNestingDepth(text: string): number {
	let depth = 0
	let maxDepth = 0
	let inString = false
	for (let i = 0; i < text.length; i++) {
		const code = text.charCodeAt(i)
		if (inString) {
			if (code === 0x5c) i++
			else if (code === 0x22) inString = false
		} else if (code === 0x22) inString = true
		else if (code === 0x7b || code === 0x5b) {
			depth++
			if (depth > maxDepth) maxDepth = depth
		} else if (code === 0x7d || code === 0x5d) depth--
	}
	return maxDepth
}
