/** Example of a check. Pure. */

/** What a check finds of a store with 480 orders. */
export const STORE_CHECK = {
	requests: 6,
	problems: [],
	store: {
		ok: true,
		url: 'https://shop.example.com',
		name: 'Sample shop',
		version: '11.0.1',
		problems: [],
		providerMessage: null,
	},
	key: { ok: true, rights: 'read/write', problems: [], missing: null, providerMessage: null },
	resources: [
		{
			label: 'orders',
			url: '/hubs/ecommerce/orders',
			ok: true,
			total: 480,
			dated: true,
			dates: [
				{
					kind: 'updated',
					field: 'date_modified_gmt',
					value: '2026-06-01T11:59:30',
					utc: '2026-06-01T11:59:30Z',
				},
			],
			requestsPerDay: 97,
			problems: [],
		},
	],
	requestsPerDay: 97,
	collections: null,
	callback: {
		ok: true,
		status: 200,
		durationMs: 31,
		message: 'Reachable: a signed test event was answered 200 in 31 ms.',
	},
}
