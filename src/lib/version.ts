/** The version of this build, as stores, callbacks and `/healthz` see it. */
import project from '../../package.json' with { type: 'json' }

/** The version in package.json. */
export const VERSION: string = project.version

/** `User-Agent` towards callbacks and stores alike (docs/contract.md §11). A header has no characters above ASCII. */
export function userAgent(publicUrl: string): string {
	const isAscii = /^[\x20-\x7e]*$/.test(publicUrl)
	const url = !isAscii && URL.canParse(publicUrl) ? new URL(publicUrl).href : publicUrl
	return url === '' ? `Shopbell/${VERSION}` : `Shopbell/${VERSION} (+${url})`
}
