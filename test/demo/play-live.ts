/** The demo as a person watches it: a shop that lives, lines as they arrive, until Ctrl-C. */
import { createSignInUrl } from '../../scripts/local/client.ts'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { isRunning, LOCAL_DIR, readJson, writePrivate, writePrivateJson } from '../../scripts/local/files.ts'
import { nextFreePort } from '../../scripts/local/ports.ts'
import { toShortPath } from '../../scripts/local/local-worker.ts'
import { Terminal } from './screen.ts'
import { createStage, WATCHED_COLLECTIONS, type DemoStage } from './stage.ts'
import { arrivalLines, SeenRecords, totalsLine } from './arrival-lines.ts'

/** Seconds between polls and between re-reads, with polling alone and beside webhooks. */
const POLLING_INTERVALS = { pollSeconds: 3, rereadSeconds: 13, webhooks: null }
const WEBHOOK_INTERVALS = { pollSeconds: 10, rereadSeconds: 15, webhooks: {} }

/** Labels of the collections in events. */
const LABEL_BY_COLLECTION: Readonly<Record<string, string>> = { coupons: 'discounts' }

/** Plays until the signal, then takes everything down and says what happened. Returns the exit code. */
export async function playLive(seed: number, webhook: boolean, signal: AbortSignal): Promise<number> {
	const terminal = new Terminal(process.stdout)
	const { paint } = terminal
	const shop = await nextFreePort(4010)
	const callbackPort = await nextFreePort(4020, [shop])
	const worker = await nextFreePort(8787, [shop, callbackPort])
	const dir = join(LOCAL_DIR, `demo-${worker}`)
	const files = demoFiles(worker)
	terminal.line()
	terminal.line(`  ${paint('bold', 'Shopbell')}  a simulated shop and a callback, all on this machine`)
	terminal.line()
	let stage: DemoStage | null = null
	try {
		stage = await createStage({
			dir,
			seed,
			ports: { shop, worker, callback: callbackPort },
			...(webhook ? WEBHOOK_INTERVALS : POLLING_INTERVALS),
			step: (name, work, say) => terminal.step(name, work, say),
			signal,
		})
		const signInUrl = await createSignInUrl(stage.worker.url, stage.account)
		writePrivateJson(files.json, {
			url: stage.worker.url,
			signInUrl,
			shopUrl: stage.shopUrl,
			callbackUrl: stage.callback.url,
			...stage.account,
			setupToken: stage.worker.setupToken,
			instanceId: stage.instance.id,
			token: stage.instance.token,
			storeKey: stage.store.credentials.key,
			storeSecret: stage.store.credentials.secret,
			pid: process.pid,
		})
		writePrivate(files.headers, `Authorization: ${stage.client.authorization}\n`)
		for (const line of hints(stage, webhook, { ...files, signInUrl }, paint)) terminal.line(line)
		printArrivals(stage, terminal)
		stage.store.setLiving(true)
		const ended = await Promise.race([aborted(signal), stage.worker.exited])
		const waiting =
			ended === 'aborted'
				? await stage.client.health(stage.instance.id, 500).then(
						({ callback }) => callback.waiting,
						() => null,
					)
				: null
		stage.store.setLiving(false)
		terminal.line()
		if (ended !== 'aborted') {
			terminal.line(
				`  ${paint('red', '✗')} Shopbell stopped unexpectedly: see ${toShortPath(join(dir, 'worker.log'))}.`,
			)
			return 1
		}
		terminal.line(`  ${totalsLine(stage, waiting)}`)
		return 0
	} finally {
		await stage?.close()
		for (const path of Object.values(files)) rmSync(path, { force: true })
		if (signal.aborted) rmSync(dir, { recursive: true, force: true })
	}
}

/** Prints what arrives. */
function printArrivals(stage: DemoStage, terminal: Terminal): void {
	const { store, callback } = stage
	const seen = new SeenRecords(
		WATCHED_COLLECTIONS.flatMap((resource) =>
			[...store.state(resource)].map(
				([id, record]) => [`${LABEL_BY_COLLECTION[resource] ?? resource}/${id}`, record] as const,
			),
		),
	)
	let first = true
	callback.onArrival((arrival) => {
		for (const line of arrivalLines(arrival, seen, store.journal(), first, terminal.paint)) terminal.line(line)
		if (arrival.status !== null && arrival.status < 300) first = false
	})
}

/** What a person can do now, each command short enough to be copied in one line. */
function hints(
	stage: DemoStage,
	webhook: boolean,
	files: { json: string; headers: string; signInUrl: string },
	paint: (colour: 'dim', text: string) => string,
): string[] {
	const callbackUrl = new URL(stage.callback.url).origin
	const dropCommand: [string, string] = [
		'Let the shop lose every third webhook:',
		`curl -X PUT ${stage.shopUrl}/_store/webhooks -d '{"dropEvery":3,"allowLocalDelivery":true}'`,
	]
	const commands: [string, string][] = [
		['See it in your browser (signs you in):', files.signInUrl],
		['Place an order, in a second terminal:', `curl -X POST ${stage.shopUrl}/_store/act -d '{"do":"place-order"}'`],
		['Break the callback for 20 s:', `curl -X PUT '${callbackUrl}/_callback/fail?seconds=20'`],
		...(webhook ? [dropCommand] : []),
		[
			'Ask the API:',
			`curl -H @${toShortPath(files.headers)} ${stage.worker.url}/elements/api-v2/instances/${stage.instance.id}/events`,
		],
	]
	commands.push(['Guide and API reference:', `${stage.worker.url}/guide  ${stage.worker.url}/docs`])
	return [
		'',
		...commands.flatMap(([what, command]) => [`  ${what}`, `    ${command}`]),
		`  ${paint('dim', `Secrets and addresses: ${toShortPath(files.json)}`.padEnd(48))} ${paint('dim', 'Stop: Ctrl-C')}`,
		'',
	]
}

/** Where secrets and addresses are written; a demo that runs already keeps its own files. */
function demoFiles(port: number): { json: string; headers: string } {
	const defaultPath = join(LOCAL_DIR, 'demo.json')
	const pid = readJson(defaultPath)?.['pid']
	const name = typeof pid === 'number' && isRunning(pid) ? `demo-${port}` : 'demo'
	return { json: join(LOCAL_DIR, `${name}.json`), headers: join(LOCAL_DIR, `${name}.headers`) }
}

async function aborted(signal: AbortSignal): Promise<'aborted'> {
	if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
	return 'aborted'
}
