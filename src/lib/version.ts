/** The version of this build, as stores, callbacks and `/healthz` see it. */
import project from '../../package.json' with { type: 'json' }

/** The version in package.json. */
export const VERSION: string = project.version

/** `User-Agent` towards callbacks and stores alike (docs/contract.md §11). */
export function userAgent(publicUrl: string): string {
	return publicUrl === '' ? `Shopbell/${VERSION}` : `Shopbell/${VERSION} (+${publicUrl})`
}
