/**
 * Lays out what browsers load from the Worker (`[assets]` in wrangler.toml) as `.shopbell/public/assets/<name>.<hash>.<ext>`: our styles, scripts
 * and images, the module of src/ui/browser, htmx, the guide's pages, and the browser bundle of the API reference. Their URLs are written to
 * `.shopbell/assets.js`, which the Worker imports as `#assets`. wrangler runs it before every build (`[build]`), vitest when it starts.
 * Plain JavaScript, so that any Node runs it as it stands.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const PROJECT = join(import.meta.dirname, '..')
const OWN = join(PROJECT, 'src', 'ui', 'assets')
const GUIDE = join(PROJECT, 'docs', 'guide')
const PICTURES = join(PROJECT, 'docs', 'pictures')
const BROWSER = join(PROJECT, 'src', 'ui', 'browser', 'main.ts')
const LOCAL = join(PROJECT, '.shopbell')
const TARGET = join(LOCAL, 'public')
const MANIFEST = join(LOCAL, 'assets.js')

/** Files of npm packages, by the name under which they are served. Their packages export modules; these are the files for browsers. */
const PACKAGES = {
	'htmx.js': 'htmx.org/dist/htmx.min.js',
	'scalar.js': '@scalar/api-reference/dist/browser/standalone.js',
}

/** Lays out the files and the list of their URLs: writes what differs, removes what is no longer served. */
export async function layOutAssets() {
	const pictures = readdirSync(PICTURES)
		.filter((name) => extname(name) === '.png')
		.map((name) => [name, readFileSync(join(PICTURES, name))])
	const pictureUrls = Object.fromEntries(
		pictures.map(([name, content]) => [name, `/assets/${toHashedName(name, content)}`]),
	)
	const guide = await renderGuide(pictureUrls)
	const shown = pictures.filter(([name]) => guide.some(({ html }) => html.includes(pictureUrls[name])))
	const contents = [
		...readdirSync(OWN, { withFileTypes: true })
			.filter((entry) => entry.isFile() && entry.name !== '_headers')
			.map(({ name }) => [name, readOwn(name)]),
		['shopbell.js', bundle(BROWSER, 'esm')],
		...Object.entries(PACKAGES).map(([name, path]) => [name, readPackage(path)]),
	].toSorted(([one], [other]) => (one < other ? -1 : 1))
	const served = new Map([['_headers', readFileSync(join(OWN, '_headers'))]])
	const urls = {}
	for (const [name, content] of contents) {
		const path = `assets/${toHashedName(name, content)}`
		served.set(path, content)
		urls[name] = `/${path}`
	}
	for (const [name, content] of shown) served.set(pictureUrls[name].slice(1), content)
	const pages = guide.map(({ html, ...page }) => {
		// A name that ends in html would be redirected.
		const path = `assets/${toHashedName(`guide-${page.name}.txt`, html)}`
		served.set(path, Buffer.from(html))
		return { ...page, file: `/${path}` }
	})
	mkdirSync(join(TARGET, 'assets'), { recursive: true })
	for (const [path, content] of served) writeWhole(join(TARGET, path), content)
	const manifest = Object.entries({ ASSETS: urls, GUIDE: pages })
	const text = manifest.map(([name, value]) => `export const ${name} = ${JSON.stringify(value, null, '\t')}\n`).join('')
	writeWhole(MANIFEST, Buffer.from(text))
	for (const path of listPresent()) if (!served.has(path)) rmSync(join(TARGET, path), { force: true })
}

/** The guide's pages, by the TypeScript beside this file. */
async function renderGuide(pictures) {
	const { outputFiles } = buildSync({
		entryPoints: [join(import.meta.dirname, 'guide.ts')],
		bundle: true,
		write: false,
		platform: 'node',
		format: 'esm',
		logLevel: 'error',
	})
	const module = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`)
	return module.renderGuide(GUIDE, pictures)
}

/** Our own file. A style sheet includes what it imports from folders beside it. */
function readOwn(name) {
	const path = join(OWN, name)
	if (extname(name) === '.css') return bundle(path)
	return extname(name) === '.js' ? bundle(path, 'iife') : readFileSync(path)
}

function bundle(path, format) {
	const { outputFiles } = buildSync({
		entryPoints: [path],
		absWorkingDir: PROJECT,
		bundle: true,
		minify: true,
		write: false,
		target: 'es2022',
		external: ['/assets/*'],
		logLevel: 'error',
		...(format === undefined ? { target: 'esnext' } : { format }),
	})
	return Buffer.from(outputFiles[0].contents)
}

function readPackage(path) {
	const file = join(PROJECT, 'node_modules', path)
	if (!existsSync(file)) throw new Error(`node_modules/${path} is missing: run npm install`)
	return readFileSync(file)
}

function toHashedName(name, content) {
	const extension = extname(name)
	const hash = createHash('sha256').update(content).digest('hex').slice(0, 10)
	return `${name.slice(0, -extension.length)}.${hash}${extension}`
}

/** Another run may read the file, or write the same: whole or not at all. A file that is the same stays, so that nothing is built anew. */
function writeWhole(path, content) {
	if (isSame(path, content)) return
	const fresh = `${join(LOCAL, path.slice(LOCAL.length + 1).replaceAll('/', '-'))}.${process.pid}.new`
	writeFileSync(fresh, content)
	renameSync(fresh, path)
}

function isSame(path, content) {
	try {
		return statSync(path).size === content.length && readFileSync(path).equals(content)
	} catch {
		return false
	}
}

function listPresent() {
	return readdirSync(TARGET, { recursive: true, withFileTypes: true })
		.filter((one) => one.isFile())
		.map((one) => join(one.parentPath, one.name).slice(TARGET.length + 1))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await layOutAssets()
