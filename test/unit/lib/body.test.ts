import { expect, it } from 'vitest'
import { readBody, readChunks } from '../../../src/lib/body.ts'

const encode = (text: string) => new TextEncoder().encode(text)

/** A body of chunks that ends, stalls or breaks off after them. */
function bodyOf(chunks: string[], end: 'ends' | 'stalls' | 'breaks'): { body: ReadableStream; isCancelled(): boolean } {
	let cancelled = false
	const body = new ReadableStream<Uint8Array>({
		async pull(controller) {
			const chunk = chunks.shift()
			if (chunk !== undefined) controller.enqueue(encode(chunk))
			else if (end === 'ends') controller.close()
			else if (end === 'breaks') controller.error(new Error('broken off'))
			else await new Promise(() => {})
		},
		cancel: () => void (cancelled = true),
	})
	return { body, isCancelled: () => cancelled }
}

async function readStart(body: ReadableStream | null, max: number, aborted?: Promise<never>): Promise<string> {
	let text = ''
	await readChunks(body, max, (chunk) => void (text += new TextDecoder().decode(chunk)), aborted)
	return text
}

it('reads the start of a body and cancels the rest, also of a body that stalls behind it', async () => {
	const { body, isCancelled } = bodyOf(['abc', 'def', 'ghi'], 'stalls')
	expect(await readStart(body, 5)).toBe('abcde')
	expect(isCancelled()).toBe(true)
	expect(await readStart(bodyOf(['abc', 'de'], 'ends').body, 9)).toBe('abcde')
	expect(await readStart(null, 9)).toBe('')
})

it('throws when the sender breaks off, and when it stalls until it is aborted', async () => {
	await expect(readStart(bodyOf(['abc'], 'breaks').body, 9)).rejects.toThrow('broken off')
	const aborted: Promise<never> = Promise.reject(new Error('too long'))
	await expect(readStart(bodyOf([], 'stalls').body, 9, aborted)).rejects.toThrow('too long')
})

it('reads a request up to a limit, with and without a Content-Length', async () => {
	const streamed = (text: string) =>
		new Request('https://shop.example', {
			method: 'POST',
			body: bodyOf([text], 'ends').body,
			duplex: 'half',
		} as RequestInit)
	expect(await readBody(streamed('12345'), 5)).toEqual(encode('12345'))
	expect(await readBody(streamed('123456'), 5)).toBeNull()
	const headers = { 'Content-Length': '6' }
	expect(await readBody(new Request('https://shop.example', { method: 'POST', body: '123456', headers }), 5)).toBeNull()
	expect(await readBody(new Request('https://shop.example'), 5)).toEqual(encode(''))
})
