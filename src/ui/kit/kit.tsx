/** All parts, one section each, in all their states. */
import type { Child } from 'hono/jsx'
import type { FrameViewer } from '../frame.tsx'
import { KIT_CONTENT } from './content.tsx'
import { KIT_FORMS } from './forms.tsx'

/** The moment that the page shows: its times do not change with the day. */
export { KIT_NOW_MS } from './content.tsx'

/** Somebody to show. */
export const KIT_VIEWER: FrameViewer = {
	user: {
		email: 'ann@northwind.example',
		firstName: 'Ann',
		lastName: 'Lee',
		role: 'admin',
		organizationName: 'Northwind Apps',
	},
	csrf: 'kit',
}

/** The page's content. */
export function Kit() {
	return (
		<>
			<div class='head'>
				<h1>Kit</h1>
			</div>
			{[...KIT_CONTENT, ...KIT_FORMS].map(({ name, content }) => (
				<KitSection name={name}>{content}</KitSection>
			))}
		</>
	)
}

function KitSection({ name, children }: { name: string; children?: Child }) {
	return (
		<section class='kit'>
			<h2 class='meta'>{name}</h2>
			{children}
		</section>
	)
}
