/** Our own elements (src/ui/browser), for JSX. */
import type { JSX } from 'hono/jsx'

type Element = JSX.HTMLAttributes & Record<string, unknown>

declare module 'hono/jsx' {
	namespace JSX {
		interface IntrinsicElements {
			'sb-confirm': Element
			'sb-copy': Element
			'sb-countdown': Element
			'sb-json': Element
			'sb-keep': Element
			'sb-presets': Element
			'sb-tail': Element
			'sb-time': Element
		}
	}
}
