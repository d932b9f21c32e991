/** Options, progress and exit codes of `npm run backup` and `npm run restore`. */
import { parseArgs } from 'node:util'
import { ActionableError } from './local-worker.ts'

const STRING = { type: 'string' } as const
const FLAG = { type: 'boolean' } as const

type Values = { url?: string; out?: string; from?: string; 'after-time-travel'?: boolean; help?: boolean }

function parse(): Values {
	try {
		return parseArgs({
			options: { url: STRING, out: STRING, from: STRING, 'after-time-travel': FLAG, help: FLAG },
		}).values
	} catch (error) {
		throw new ActionableError(error instanceof Error ? error.message : String(error))
	}
}

/** Whether a flag was given. Throws ActionableError for unknown options. */
export function hasFlag(name: 'after-time-travel' | 'help'): boolean {
	return parse()[name] === true
}

/** The address, the folder of the option `folderOption` (null: none is needed) and the token. Throws ActionableError. */
export function readBackupOptions(
	folderOption: 'out' | 'from' | null,
	usage: string,
): { url: string; folder: string; token: string } {
	const values = parse()
	const token = process.env['BACKUP_TOKEN'] ?? ''
	if (values.url === undefined || !/^https?:\/\//.test(values.url) || !URL.canParse(values.url))
		throw new ActionableError(`--url: expected an address such as https://shopbell.example.com\n${usage}`)
	const folder = folderOption === null ? '' : values[folderOption]
	if (folder === undefined || (folder === '' && folderOption !== null))
		throw new ActionableError(`--${folderOption}: expected a folder\n${usage}`)
	if (token.length < 32)
		throw new ActionableError('BACKUP_TOKEN: expected the secret of the deployment, at least 32 characters')
	return { url: values.url, folder, token }
}

/** Runs a command: progress with seconds to stderr, exit 1 with the message of an ActionableError. */
export async function runBackupCommand(
	usage: string,
	run: (report: (what: string) => void) => Promise<void>,
): Promise<void> {
	const startedMs = Date.now()
	const report = (what: string): void =>
		void process.stderr.write(`${((Date.now() - startedMs) / 1000).toFixed(1).padStart(7)} s  ${what}\n`)
	try {
		if (hasFlag('help')) process.stdout.write(usage)
		else await run(report)
	} catch (error) {
		if (!(error instanceof ActionableError)) throw error
		process.stderr.write(`${error.message}\n`)
		process.exitCode = 1
	}
}
