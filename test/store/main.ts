/** Runs a simulated store as a program of its own: `node test/store/main.ts --port 4010`. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { freePort, serve } from './serve.ts'
import { createStore } from './store.ts'
import type { Site, StoreOptions } from './store.ts'
import type { OrderStorage, Version } from './types.ts'

const USAGE = `usage: store [--port 4010] [--seed n] [--objects n] [--orders hpos|posts] [--version 11.0|7.0|5.5]
  [--zone America/Denver] [--url https://name[/path]] [--site kind] [--prefix path] [--living] [--https [--ca-file path]] [--json]
  [--allow-local] [--cron seconds]
  --url    the address that the site names as its own; by default where it listens
  --site   shop, not-wordpress, no-woocommerce, plain-permalinks, rest-closed-401, rest-closed-403, maintenance,
           https-only, other-host, other-prefix
  --allow-local  delivers to private addresses, any port and http callbacks too, as WordPress does not
  --cron   seconds from an event to the run that delivers its webhooks; 1 by default
  --json   prints {"url","key","secret"} when it listens, otherwise just the url`

function options() {
	return parseArgs({
		options: {
			port: { type: 'string', default: '4010' },
			seed: { type: 'string', default: '1' },
			objects: { type: 'string' },
			orders: { type: 'string', default: 'hpos' },
			version: { type: 'string', default: '11.0' },
			zone: { type: 'string', default: 'America/Denver' },
			url: { type: 'string' },
			site: { type: 'string', default: 'shop' },
			prefix: { type: 'string' },
			living: { type: 'boolean', default: false },
			'allow-local': { type: 'boolean', default: false },
			cron: { type: 'string', default: '1' },
			https: { type: 'boolean', default: false },
			'ca-file': { type: 'string' },
			json: { type: 'boolean', default: false },
			help: { type: 'boolean', default: false },
		},
	}).values
}

async function main(): Promise<void> {
	const given = options()
	if (given.help) {
		process.stdout.write(`${USAGE}\n`)
		return
	}
	const oneOf = <T extends string>(name: string, value: string, list: readonly T[]): T => {
		if (!(list as readonly string[]).includes(value)) throw new Error(`--${name} ${value}: one of ${list.join(', ')}`)
		return value as T
	}
	const port = Number(given.port) || (await freePort())
	const sites: Site[] = [
		'shop',
		'not-wordpress',
		'no-woocommerce',
		'plain-permalinks',
		'rest-closed-401',
		'rest-closed-403',
		'maintenance',
		'https-only',
		'other-host',
		'other-prefix',
	]
	const orders: OrderStorage = oneOf('orders', given.orders, ['hpos', 'posts'])
	const version: Version = oneOf('version', given.version, ['11.0', '7.0', '5.5'])
	const settings: StoreOptions = {
		seed: Number(given.seed),
		...(given.objects !== undefined && { objects: Number(given.objects) }),
		orders,
		version,
		zone: given.zone,
		url: given.url ?? `${given.https ? 'https' : 'http'}://127.0.0.1:${port}`,
		site: oneOf('site', given.site, sites),
		...(given.prefix !== undefined && { prefix: given.prefix }),
		living: given.living,
		webhooks: {
			delaySeconds: Number(given.cron),
			...(given['allow-local'] && { allowLocalDelivery: true, allowHttpCallback: true }),
		},
	}
	const store = createStore(settings)
	const served = await serve(store, { port, https: given.https })
	if (given['ca-file'] !== undefined && served.ca !== undefined) writeFileSync(given['ca-file'], served.ca)
	const { key, secret } = store.credentials
	process.stdout.write(given.json ? `${JSON.stringify({ url: served.url, key, secret })}\n` : `${served.url}\n`)
	const stop = (): void => {
		void served.close().then(() => process.exit(0))
	}
	process.once('SIGINT', stop)
	process.once('SIGTERM', stop)
}

main().catch((error: unknown) => {
	process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`)
	process.exit(1)
})
