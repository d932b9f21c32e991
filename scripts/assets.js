/**
 * Lays out what the Worker serves as files (`[assets]` in wrangler.toml): our own scripts and styles, and the browser bundle of the API
 * reference out of its npm package. wrangler runs it before every build (`[build]`), the tests when they begin. Plain JavaScript, so
 * that any Node runs it as it stands.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROJECT = join(import.meta.dirname, '..')
const OWN = join(PROJECT, 'src', 'ui', 'assets')
/** The package offers its parts as modules; its bundle for browsers is a file beside them. */
const SCALAR = join(PROJECT, 'node_modules', '@scalar', 'api-reference', 'dist', 'browser', 'standalone.js')
const TARGET = join(PROJECT, '.shopbell', 'public')

/** What is served: path below the address → file that it comes from. */
function files() {
	const own = readdirSync(OWN).map((name) => [name === '_headers' ? name : `assets/${name}`, join(OWN, name)])
	return new Map([...own, ['assets/scalar.js', SCALAR]])
}

/** Copies what differs, and removes what is no longer served. */
export function layOutAssets() {
	const wanted = files()
	mkdirSync(join(TARGET, 'assets'), { recursive: true })
	for (const name of present()) if (!wanted.has(name)) rmSync(join(TARGET, name), { force: true })
	for (const [name, source] of wanted) {
		const target = join(TARGET, name)
		if (same(source, target)) continue
		// Another run may read it, or write the same: whole or not at all.
		const fresh = `${join(TARGET, '..', name.replaceAll('/', '-'))}.${process.pid}.new`
		copyFileSync(source, fresh)
		renameSync(fresh, target)
	}
}

function present() {
	return readdirSync(TARGET, { recursive: true, withFileTypes: true })
		.filter((one) => one.isFile())
		.map((one) => join(one.parentPath, one.name).slice(TARGET.length + 1))
}

/** Whether the copy is what it was made from. */
function same(source, target) {
	try {
		return statSync(source).size === statSync(target).size && readFileSync(source).equals(readFileSync(target))
	} catch {
		return false
	}
}

if (process.argv[1] === fileURLToPath(import.meta.url)) layOutAssets()
