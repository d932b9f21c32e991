/**
 * Opens the API reference with this server's own OpenAPI document. It calls no other host: no telemetry, fonts, proxy,
 * assistant or cloud. Features that the page's policy would block are switched off, so that no button fails.
 */
async function openReference() {
	const answer = await fetch('/openapi.json')
	const content = await answer.json()
	for (const methods of Object.values(content.paths))
		for (const call of Object.values(methods)) for (const one of call.parameters ?? []) showUnsent(one)
	// A document groups methods by path; `x-order` is the order for readers.
	const placeOf = ({ path, method }) => content.paths[path]?.[method.toLowerCase()]?.['x-order'] ?? Infinity
	const operationsSorter = (one, other) => {
		const [first, second] = [placeOf(one), placeOf(other)]
		return first === second ? 0 : first - second
	}
	Scalar.createApiReference('#reference', {
		content,
		operationsSorter,
		servers: [{ url: location.origin }],
		telemetry: false,
		withDefaultFonts: false,
		proxyUrl: '',
		agent: { disabled: true, hideAddApi: true },
		mcp: { disabled: true },
		hideClientButton: true,
		showDeveloperTools: 'never',
		persistAuth: false,
		// Shown in the examples until secrets are filled in.
		authentication: {
			preferredSecurityScheme: 'secrets',
			securitySchemes: {
				secrets: { value: 'User <user secret>, Organization <organization secret>' },
				token: { value: 'User <user secret>, Element <instance token>' },
			},
		},
		hideDarkModeToggle: true,
		forceDarkModeState: matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light',
		theme: 'default',
		defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
	})
}

/**
 * Optional parameters are shown with their example but not sent: all filters and a page token together would match
 * nothing.
 */
function showUnsent(parameter) {
	if (parameter.required) return
	const { examples, enum: words } = parameter.schema
	parameter.examples = { example: { value: (examples ?? words ?? [])[0], 'x-disabled': true } }
}

openReference().catch(() => {
	document.getElementById('reference').innerHTML =
		'<p class="message">The reference cannot be shown just now. ' +
		'What it shows is in <a href="/openapi.json">/openapi.json</a>.</p>'
})
