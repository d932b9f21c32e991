/** Shows a failure: what was wrong, and a command that makes the call again. */
import type { FuzzCall } from './calls.ts'
import type { FuzzFailure } from './fuzzer.ts'

/** Longer bodies are only said: the seed makes them again. */
const MAX_SHOWN_BYTES = 1500

/** What was wrong, the call, and how it was answered. */
export function describeFailure(base: string, { index, call, fault, answer }: FuzzFailure): string {
	const changes = call.changes.length === 0 ? 'nothing broken' : call.changes.join('; ')
	return [
		`call ${index}, ${call.operation} by ${call.actor} (${changes}): ${fault}`,
		`  ${toCurl(base, call)}`,
		`  → ${answer.status} ${answer.text.slice(0, 300)}`,
	].join('\n')
}

/** A curl command for bash. */
export function toCurl(base: string, { method, target, headers, body }: FuzzCall): string {
	const parts = [
		'curl -i --path-as-is',
		method === 'HEAD' ? '--head' : `-X ${method}`,
		quote(Buffer.from(base + target, 'latin1')),
	]
	for (const [name, value] of headers)
		parts.push(`-H ${quote(Buffer.from(value === '' ? `${name};` : `${name}: ${value}`, 'latin1'))}`)
	if (body !== null)
		parts.push(
			body.length > MAX_SHOWN_BYTES
				? `--data-binary ${quote(body.subarray(0, 100))} # of ${body.length} bytes the first 100`
				: `--data-binary ${quote(body)}`,
		)
	return parts.join(' ')
}

/** Bytes as a word of bash; curl reads those with a NUL, which no word holds, from what printf writes. */
function quote(bytes: Uint8Array): string {
	const escaped = (plain: RegExp): string =>
		[...bytes]
			.map((byte) => {
				const letter = String.fromCharCode(byte)
				return plain.test(letter) ? letter : `\\x${byte.toString(16).padStart(2, '0')}`
			})
			.join('')
	if (bytes.includes(0)) return `@<(printf '${escaped(/[\w {}:",.-]/)}')`
	const text = escaped(/[\x20-\x26\x28-\x5B\x5D-\x7E]/)
	return text.includes('\\') ? `$'${text}'` : `'${text}'`
}
