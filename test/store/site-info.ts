/** What a site tells of itself: the REST index, namespaces, system status, settings, OPTIONS. */
import { argumentsOf } from './arguments.ts'
import * as blank from './blank.ts'
import type { Engine } from './engine.ts'
import type { Call, Route } from './router.ts'
import type { Rec, Version } from './types.ts'

const WORDPRESS = ['wp/v2', 'wp-site-health/v1', 'wp-block-editor/v1']

/** The namespaces of a site with WooCommerce, or without. */
export function namespaces(woocommerce: boolean): string[] {
	if (!woocommerce) return ['oembed/1.0', ...WORDPRESS, 'wp-abilities/v1']
	return [
		'oembed/1.0',
		'wc/v3',
		'wc/v1',
		'wc/pos/v1/catalog',
		'jetpack/v4',
		'wc-admin',
		'wc-analytics',
		'wc/store',
		'wc/store/v1',
		'wc/private',
		'wc/v2',
		'wc-admin-email',
		'wc-telemetry',
		'wccom-site/v3',
		'wp-abilities/v1',
		...WORDPRESS,
	]
}

/** `/wp-json/`, which needs no key (docs/woocommerce.md 1.1). */
export function index({ engine, name, https }: Pick<Call, 'engine' | 'name' | 'https'>, woocommerce = true): Rec {
	const { url, prefix } = engine.settings
	return {
		name,
		description: '',
		url,
		home: url,
		gmt_offset: engine.zone.offset(engine.second()) / 3600,
		timezone_string: engine.zone.name,
		page_for_posts: 0,
		page_on_front: 0,
		show_on_front: 'posts',
		namespaces: namespaces(woocommerce),
		authentication: https
			? { 'application-passwords': { endpoints: { authorization: `${url}/wp-admin/authorize-application.php` } } }
			: [],
		routes: Object.fromEntries(
			namespaces(woocommerce).map((namespace) => [
				`/${namespace}`,
				{
					namespace,
					methods: ['GET'],
					endpoints: [{ methods: ['GET'], args: {} }],
					_links: { self: [{ href: `${url}/${prefix}/${namespace}` }] },
				},
			]),
		),
		site_logo: 0,
		site_icon: 0,
		site_icon_url: '',
		_links: { help: [{ href: 'https://developer.wordpress.org/rest-api/' }] },
	}
}

/** What stands for an object that a collection belongs to, in the index's own spelling. */
const PLACE = '(?P<parent_id>[\\d]+)'

const COLLECTIONS = [
	'orders',
	`orders/${PLACE}/notes`,
	`orders/${PLACE}/refunds`,
	'products',
	`products/${PLACE}/variations`,
	'products/categories',
	'products/tags',
	'products/attributes',
	`products/attributes/${PLACE}/terms`,
	'products/reviews',
	'coupons',
	'customers',
	`customers/${PLACE}/downloads`,
	'taxes',
	'webhooks',
	'reports',
	'reports/sales',
	'reports/top_sellers',
	'settings/general',
	'system_status',
	'refunds',
	'variations',
]

/** `/wp-json/wc/v3`. `match`: the router's own, so that what the index says is what is served. */
export function namespaceIndex(engine: Engine, match: (path: string, version: string) => Route | null): Rec {
	const { api } = engine
	const { version } = engine.settings
	const routes = [
		{ route: '', methods: ['GET'] },
		...COLLECTIONS.flatMap((pattern) => {
			const list = match(pattern.replaceAll(PLACE, '1'), version)
			const item = match(`${pattern.replaceAll(PLACE, '1')}/1`, version)
			return [
				...(list === null ? [] : [{ route: `/${pattern}`, methods: list.methods }]),
				...(item?.kind !== 'item' ? [] : [{ route: `/${pattern}/(?P<id>[\\d]+)`, methods: item.methods }]),
				...(list === null || item?.kind !== 'item'
					? []
					: [{ route: `/${pattern}/batch`, methods: ['POST', 'PUT', 'PATCH'] }]),
			]
		}),
	]
	return {
		namespace: 'wc/v3',
		routes: Object.fromEntries(
			routes.map(({ route, methods }) => [
				`/wc/v3${route}`,
				{
					namespace: 'wc/v3',
					methods,
					endpoints: [{ methods, args: {} }],
					_links: { self: [{ href: `${api}${route}` }] },
				},
			]),
		),
		_links: { up: [{ href: `${engine.settings.url}/${engine.settings.prefix}/` }] },
	}
}

/** `/system_status` (docs/woocommerce.md 1.9). */
export function systemStatus(engine: Engine): Rec {
	const { url, version, orders } = engine.settings
	const hpos = orders === 'hpos'
	return {
		environment: {
			home_url: url,
			site_url: url,
			store_id: '0e4b1f5a-7c1d-4a5e-9a52-2f3a8d1c6b70',
			version: version === '11.0' ? '11.0.1' : `${version}.0`,
			log_directory_writable: true,
			wp_version: version === '11.0' ? '7.1' : '6.1',
			wp_multisite: false,
			wp_memory_limit: 536_870_912,
			wp_debug_mode: false,
			wp_cron: true,
			wp_environment_type: 'production',
			language: 'en_US',
			external_object_cache: null,
			server_info: 'nginx/1.22.1',
			php_version: '8.2.36',
			php_post_max_size: 33_554_432,
			php_max_execution_time: 120,
			php_max_input_vars: 1000,
			max_upload_size: 33_554_432,
			mysql_version: '10.11.19',
			default_timezone: 'UTC',
			fsockopen_or_curl_enabled: true,
			gzip_enabled: true,
			mbstring_enabled: true,
		},
		database: { wc_database_version: version === '11.0' ? '11.0.1' : `${version}.0`, database_prefix: 'wp_' },
		active_plugins: [
			{
				plugin: 'woocommerce/woocommerce.php',
				name: 'WooCommerce',
				version: version === '11.0' ? '11.0.1' : `${version}.0`,
			},
		],
		theme: { name: 'Storefront', version: '4.6.0', is_child_theme: false },
		settings: {
			api_enabled: false,
			force_ssl: false,
			currency: 'USD',
			currency_symbol: '&#36;',
			currency_position: 'left',
			thousand_separator: ',',
			decimal_separator: '.',
			number_of_decimals: 2,
			geolocation_enabled: false,
			taxonomies: { external: 'external', grouped: 'grouped', simple: 'simple', variable: 'variable' },
			...(version === '11.0' && {
				HPOS_enabled: hpos,
				HPOS_sync_enabled: false,
				order_datastore: hpos
					? 'Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore'
					: 'WC_Order_Data_Store_CPT',
			}),
		},
		security: { secure_connection: url.startsWith('https:'), hide_errors: true },
		pages: [],
		post_type_counts: [],
	}
}

/** `/settings/general` and `/reports`, as short as they can be. */
export function settings(engine: Engine, collection: string): Rec[] {
	const { api } = engine
	if (collection === 'reports') {
		return ['sales', 'top_sellers', 'orders/totals', 'products/totals', 'customers/totals', 'coupons/totals'].map(
			(slug) => ({
				slug,
				description: `List of ${slug}.`,
				_links: { about: [{ href: `${api}/reports/${slug}` }] },
			}),
		)
	}
	const setting = (id: string, label: string, value: string): Rec => ({
		id,
		label,
		description: label,
		type: 'text',
		default: '',
		tip: label,
		value,
		_links: {
			self: [{ href: `${api}/settings/general/${id}`, targetHints: { allow: ['GET', 'POST', 'PUT', 'PATCH'] } }],
			collection: [{ href: `${api}/settings/general` }],
		},
	})
	return [
		setting('woocommerce_store_address', 'Address line 1', '1600 Broadway'),
		setting('woocommerce_store_city', 'City', 'Denver'),
		setting('woocommerce_currency', 'Currency', 'USD'),
	]
}

/** What `OPTIONS` tells of a route: its arguments, by which clients probe capabilities. */
export function options(route: Route, version: Version): Rec {
	const made = blank.BLANK[route.collection]?.() ?? {}
	const properties = Object.fromEntries(
		Object.entries(made).map(([name, value]) => [
			name,
			{
				type: Array.isArray(value) ? 'array' : value === null ? ['null', 'string'] : typeof value,
				context: ['view', 'edit'],
			},
		]),
	)
	const args = route.kind === 'list' ? argumentsOf(route.collection, version) : {}
	const endpoints: Rec[] = [
		{
			methods: ['GET'],
			args: {
				context: {
					description: 'Scope under which the request is made; determines fields present in response.',
					type: 'string',
					enum: ['view', 'edit'],
					default: 'view',
					required: false,
				},
				...args,
			},
		},
	]
	const writing = route.methods.filter((method) => method !== 'GET')
	if (writing.length > 0)
		endpoints.push({
			methods: writing,
			args: Object.fromEntries(Object.keys(properties).map((name) => [name, { type: 'string', required: false }])),
		})
	return {
		namespace: 'wc/v3',
		methods: route.methods,
		endpoints,
		schema: { $schema: 'http://json-schema.org/draft-04/schema#', title: route.collection, type: 'object', properties },
	}
}
