/** What ends each failure of a store, as health says it to people (docs/woocommerce.md §1, §2). */
import type { Cure, FailureCause } from '../store.ts'

/** Actions that need nothing from the answer. */
const ACTIONS: Record<Exclude<FailureCause, 'moved' | 'redirect'>, string> = {
	maintenance:
		'Nothing is lost. Wait for the end of the maintenance. If it does not end, delete the file .maintenance in the ' +
		'folder of WordPress.',
	throttled:
		'Nothing is lost. If this happens often, raise event.poller.refresh_interval, or the limit at the store’s host.',
	database: 'Nothing is lost. The store does not reach its database: ask its host if this lasts.',
	failing: "Nothing is lost. Polling resumes automatically. If this lasts, check the store's error log.",
	'rest-closed':
		'A plugin or a firewall closes the REST API. Allow /wp-json/wc/ there for requests with a WooCommerce API key.',
	'no-woocommerce': 'Activate the WooCommerce plugin in WordPress, under Plugins. Nothing is lost.',
	'no-collection':
		'Activate the plugin that provides this collection, or remove the resource from event.poller.configuration.',
	'plain-permalinks': 'In WordPress, under Settings → Permalinks, choose a structure other than Plain.',
	key:
		'Create a new API key in WooCommerce and PATCH oauth.api.key and oauth.api.secret. If this key is valid again, ' +
		'PUT /instances/{id}/poll.',
	'key-permission':
		'Set the permissions of the API key to Read/Write under WooCommerce → Settings → Advanced → REST API.',
	role:
		'Give the user of the API key the role Shop manager or Administrator, or remove the resource from ' +
		'event.poller.configuration.',
	'site-password': 'Remove the password from the site, or at least from /wp-json/.',
	'output-before-json':
		"Remove the output around the JSON: set WP_DEBUG_DISPLAY to false and fix what the store's error log names.",
	'bot-protection': 'Allow /wp-json/ in the bot protection or firewall in front of the store.',
	page:
		'Open the address in a browser. A coming-soon page, a login page or a cache answers there: exclude /wp-json/ ' +
		'from it.',
	'not-the-api': 'Check that the shop is still at store.url. If it has moved, PATCH store.url.',
	address: 'Nothing is lost. Check the domain. If the shop has moved, PATCH store.url.',
	certificate: "Nothing is lost. Renew or repair the store's certificate: its name, its date and its chain.",
	network: 'Nothing is lost. Polling resumes automatically when the store answers.',
	'refused-request': 'Correct the url of the resource in event.poller.configuration.',
}

/** The cure of a cause. */
export function toCure(cause: keyof typeof ACTIONS): Cure {
	return { cause, action: ACTIONS[cause] }
}

/** The site says that its address is another one now. */
export function toMovedCure(home: string): Cure {
	return {
		cause: 'moved',
		action: `If the shop has moved, PATCH store.url to ${home}. Otherwise put its old address back in WordPress.`,
	}
}

/** The API redirects. `target`: without query; null: unreadable. */
export function toRedirectCure(target: string | null): Cure {
	return {
		cause: 'redirect',
		action: `If the shop's address has changed, PATCH store.url${
			target === null ? '' : ` (the redirect leads to ${new URL(target).origin})`
		}. Otherwise remove the redirect of /wp-json/.`,
	}
}
