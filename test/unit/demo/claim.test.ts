/** The local database of `npm run dev` belongs to one run, and a number of a process that another program has now blocks nobody. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { claimOwnership } from '../../../scripts/local/claim.ts'
import { readJson, writePrivateJson } from '../../../scripts/local/files.ts'

let dir: string
let path: string
const children: ChildProcess[] = []

beforeEach(() => {
	dir = mkdtempSync(join(tmpdir(), 'claim-'))
	path = join(dir, 'owner.json')
})

afterEach(() => {
	for (const child of children.splice(0)) child.kill('SIGKILL')
	rmSync(dir, { recursive: true })
})

/** A process that claims the same, and stays. */
async function otherRun(): Promise<ChildProcess> {
	const script = `import { claimOwnership } from ${JSON.stringify(join(process.cwd(), 'scripts/local/claim.ts'))}
		console.log(JSON.stringify(await claimOwnership(${JSON.stringify(path)})))
		setInterval(() => undefined, 1000)`
	const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
	children.push(child)
	const [output] = await once(child.stdout, 'data')
	expect(String(output)).toBe('{"ok":true}\n')
	return child
}

test('a run blocks a second one until it ends, however it ends', async () => {
	const other = await otherRun()
	expect(await claimOwnership(path)).toEqual({ ok: false, pid: other.pid })
	other.kill('SIGKILL')
	await once(other, 'exit')
	expect(await claimOwnership(path)).toEqual({ ok: true })
	expect(readJson(path)?.['pid']).toBe(process.pid)
})

test('a suspended run still has it', async () => {
	const other = await otherRun()
	other.kill('SIGSTOP')
	expect(await claimOwnership(path)).toEqual({ ok: false, pid: other.pid })
})

test('a number that another program has now does not block, nor does a port that another program has', async () => {
	const program = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'ignore' })
	children.push(program)
	writePrivateJson(path, { pid: program.pid })
	expect(await claimOwnership(path)).toEqual({ ok: true })

	const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
	await once(server, 'listening')
	const { port } = server.address() as AddressInfo
	writePrivateJson(path, { pid: program.pid, port, token: 'of the run that crashed' })
	expect(await claimOwnership(path)).toEqual({ ok: true })
	server.close()
})
