/** How Shopbell names itself to callbacks and stores alike (contract, section 11). */
import { version } from '../../package.json'

/** `Shopbell/<version> (+<PUBLIC_URL>)`; without an address while PUBLIC_URL is not set. */
export function userAgent(publicUrl: string): string {
	return publicUrl === '' ? `Shopbell/${version}` : `Shopbell/${version} (+${publicUrl})`
}
