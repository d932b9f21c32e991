/**
 * Opens the API reference on what this very server says of itself. Nothing is asked of, or told to, anybody else: no telemetry, fonts,
 * proxy, assistant or cloud. What the page's policy does not allow, this switches off, so that nobody sees a button that cannot work.
 */
Scalar.createApiReference('#reference', {
	url: '/openapi.json',
	servers: [{ url: location.origin }],
	telemetry: false,
	withDefaultFonts: false,
	proxyUrl: '',
	agent: { disabled: true, hideAddApi: true },
	mcp: { disabled: true },
	hideClientButton: true,
	showDeveloperTools: 'never',
	persistAuth: false,
	hideDarkModeToggle: true,
	forceDarkModeState: matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light',
	theme: 'default',
	defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
})
