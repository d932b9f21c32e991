/** A command of the project, run as `npm run` does. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { join } from 'node:path'
import { PROJECT_DIR } from '../../scripts/local/files.ts'

/** A command that runs, or has ended. */
export interface RunningCommand {
	child: ChildProcessWithoutNullStreams
	/** What it printed so far, to stdout and to stderr. */
	out: () => string
	err: () => string
	/** Its exit code. */
	ended: Promise<number | null>
}

/** A line of the demo that shows an event that arrived, its signature verified. */
export const ARRIVED_EVENT = /[●] (CREATED|UPDATED|DELETED) .*✓ signed/

/** Starts a script of the project. */
export function startCommand(script: string, ...args: string[]): RunningCommand {
	const child = spawn(process.execPath, [join(PROJECT_DIR, script), ...args], {
		cwd: PROJECT_DIR,
		stdio: 'pipe',
		env: { ...process.env, FORCE_COLOR: undefined },
	})
	let out = ''
	let err = ''
	child.stdout.on('data', (data: Buffer) => (out += data.toString()))
	child.stderr.on('data', (data: Buffer) => (err += data.toString()))
	const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
	return { child, out: () => out, err: () => err, ended }
}
