/** The Worker as `wrangler deploy` builds it, in the runtime below wrangler: for what is measured, and for what is killed. */
import { Log, LogLevel, Miniflare, type Request as MiniflareRequest, Response as MiniflareResponse } from 'miniflare'
import { parse } from 'smol-toml'
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { PROJECT_DIR } from '../../scripts/local/files.ts'
import { ActionableError, quietEnvironment, WRANGLER } from '../../scripts/local/local-worker.ts'

/** What is run, and where. */
export interface RuntimeOptions {
	/** The folder that `buildWorker` filled. */
	build: string
	vars: Readonly<Record<string, string>>
	/** 0: any free port. */
	port: number
	/** Where D1 and the Durable Objects keep their data; null: in `temporary`, gone when the runtime ends. */
	state: string | null
	/** For files that the runtime needs while it runs. */
	temporary: string
	/** Opens the inspector, on any free port. */
	inspector?: boolean
	/** Warnings and what the Worker logs go to stdout and stderr. */
	logs?: boolean
	/** Takes what the Worker logs. */
	onLog?: (line: string) => void
	/** Answers every request that the Worker makes: none leaves the process. */
	outbound?: (request: Request) => Promise<Response>
}

/** What of wrangler.toml a local run needs. */
interface WranglerConfig {
	name: string
	compatibility_date: string
	compatibility_flags: string[]
	assets: { directory: string; binding: string }
	d1_databases: { binding: string; database_id: string }[]
	durable_objects: { bindings: { name: string; class_name: string }[] }
	exports: Record<string, { type: 'durable-object'; storage: 'sqlite' }>
	queues: {
		producers: { binding: string; queue: string }[]
		consumers: { queue: string; max_batch_size: number; max_batch_timeout: number; max_retries: number }[]
	}
}

type WorkerConfig = ConstructorParameters<typeof Miniflare>[0]['workers'][number]['config']

/**
 * Builds a Worker into a folder by the command that builds for Cloudflare. `aliases`: `<import>:<file in its place>`. Throws
 * ActionableError.
 */
export async function buildWorker(entry: string, build: string, aliases: readonly string[] = []): Promise<void> {
	mkdirSync(build, { recursive: true })
	const log = `${build}.log`
	const output = openSync(log, 'w')
	try {
		const child = spawn(
			process.execPath,
			[
				...['--no-warnings', WRANGLER, 'deploy', '--dry-run', '--outdir', build],
				...aliases.flatMap((alias) => ['--alias', alias]),
				entry,
			],
			{
				cwd: PROJECT_DIR,
				stdio: ['ignore', output, output],
				env: { ...quietEnvironment(`${build}-wrangler`), NO_COLOR: '1' },
			},
		)
		const code = await new Promise<number | null>(
			(resolve) => void child.once('exit', resolve).once('error', () => resolve(null)),
		)
		if (code !== 0) throw new ActionableError(`The Worker could not be built: see ${log}.`)
	} finally {
		closeSync(output)
	}
}

/** Starts a built Worker with the flags and bindings of production. The caller disposes of it. */
export async function startRuntime(options: RuntimeOptions): Promise<Miniflare> {
	const { onLog, outbound } = options
	const runtime = new Miniflare({
		host: '127.0.0.1',
		port: options.port,
		...(options.inspector === true ? { inspectorHost: '127.0.0.1', inspectorPort: 0 } : {}),
		...(options.logs === true
			? { log: new Log(LogLevel.WARN) }
			: { handleStructuredLogs: ({ message }) => onLog?.(message) }),
		// Without a path, Miniflare keeps storage in the system's temporary folder, which may be a slow disk.
		resourcePersistencePath: options.state ?? join(options.temporary, 'state'),
		resourceTmpPath: options.temporary,
		cf: false,
		logRequests: false,
		enableDevRegistry: false,
		workers: [
			{
				config: toWorkerConfig(readWranglerConfig(), options),
				...(outbound === undefined ? {} : { dev: { outboundService: toOutboundService(outbound) } }),
			},
		],
	})
	await runtime.ready
	return runtime
}

/** Miniflare's requests and responses are undici's, which are not those of the platform. */
function toOutboundService(outbound: NonNullable<RuntimeOptions['outbound']>) {
	return {
		type: 'fetcher',
		handler: async (request: MiniflareRequest) => {
			const { method, url } = request
			const body = method === 'GET' || method === 'HEAD' ? null : await request.arrayBuffer()
			const answer = await outbound(new Request(url, { method, headers: [...request.headers], body }))
			const hasBody = ![204, 304].includes(answer.status)
			return new MiniflareResponse(hasBody ? await answer.arrayBuffer() : null, {
				status: answer.status,
				headers: [...answer.headers],
			})
		},
	} as const
}

/** Runs statements on the Worker's database, all or none. */
export async function executeSql(runtime: Miniflare, statements: readonly string[]): Promise<void> {
	const database = await runtime.getD1Database('DB')
	await database.batch(statements.map((statement) => database.prepare(statement)))
}

/** Applies every migration to a new database. */
export async function migrateDatabase(runtime: Miniflare): Promise<void> {
	await executeSql(runtime, readMigrationStatements())
}

function readWranglerConfig(): WranglerConfig {
	return parse(readFileSync(join(PROJECT_DIR, 'wrangler.toml'), 'utf8')) as unknown as WranglerConfig
}

function toWorkerConfig(wrangler: WranglerConfig, { build, vars }: RuntimeOptions): WorkerConfig {
	return {
		name: wrangler.name,
		compatibilityDate: wrangler.compatibility_date,
		compatibilityFlags: wrangler.compatibility_flags,
		manifest: readManifest(build),
		assets: { directory: join(PROJECT_DIR, wrangler.assets.directory), hasUserWorker: true },
		exports: wrangler.exports,
		env: {
			[wrangler.assets.binding]: { type: 'assets' },
			...Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, { type: 'text', value }])),
			...Object.fromEntries(
				wrangler.d1_databases.map(({ binding, database_id }) => [binding, { type: 'd1', id: database_id }]),
			),
			...Object.fromEntries(
				wrangler.durable_objects.bindings.map(({ name, class_name }) => [
					name,
					{ type: 'durable-object', worker: wrangler.name, exportName: class_name },
				]),
			),
			...Object.fromEntries(
				wrangler.queues.producers.map(({ binding, queue }) => [binding, { type: 'queue', name: queue }]),
			),
		},
		triggers: wrangler.queues.consumers.map((consumer) => ({
			type: 'queue',
			name: consumer.queue,
			maxBatchSize: consumer.max_batch_size,
			maxBatchTimeout: consumer.max_batch_timeout,
			maxRetries: consumer.max_retries,
		})),
	}
}

/** The built script. */
function readManifest(build: string): NonNullable<WorkerConfig['manifest']> {
	const names = readdirSync(build)
	const mainModule = names.find((name) => name.endsWith('.js'))
	if (mainModule === undefined) throw new Error(`there is no Worker in ${basename(build)}`)
	const contents = readFileSync(join(build, mainModule), 'utf8')
	return { mainModule, modules: { [mainModule]: { type: 'esm', contents } } }
}

/** Every statement of the migrations, in order. None of them holds a semicolon or two dashes in a string. */
function readMigrationStatements(): string[] {
	const dir = join(PROJECT_DIR, 'migrations')
	return readdirSync(dir)
		.toSorted()
		.flatMap((name) => readFileSync(join(dir, name), 'utf8').replaceAll(/--.*$/gm, '').split(';'))
		.filter((statement) => statement.trim() !== '')
}
