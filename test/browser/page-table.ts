/**
 * Every page in its states: `npm run screenshots` takes their pictures, `npm test` looks at each of them once. A new page or state is a
 * line here.
 */
import type { Page } from 'playwright-core'
import type { Scene, ScenePhase, SceneViewer } from './scene.ts'

/** A page in one of its states. */
export interface PageState {
	/** File name of its picture. */
	name: string
	/** How far the scene must have grown. */
	phase: ScenePhase
	/** Who looks; the owner of the account by default. */
	as?: SceneViewer
	/** Path and query. */
	path: string | ((scene: Scene) => string | Promise<string>)
	/** The page's usual state, which is looked at in both widths and both colours; other states once. */
	normal?: boolean
	/** What is answered; 200 by default. */
	status?: number
	/** Leads from the page to the state. */
	act?: (page: Page, scene: Scene) => Promise<void>
	/** What is there when the page is ready: a selector. */
	until?: string
	/** Of axe's rules these do not hold here. */
	without?: RegExp
	/** The page comes from elsewhere (the reference), and its accessibility with it. */
	foreign?: boolean
}

const RIVERSIDE = 'Riverside Outfitters'

const instance =
	(name: string, rest = '') =>
	(scene: Scene): string =>
		`${scene.instancePath(name)}${rest}`

/** In the order in which they are visited: the scene only grows. */
export const PAGE_STATES: readonly PageState[] = [
	{ name: 'set-up', phase: 'fresh', as: 'nobody', path: '/set-up', normal: true },
	{
		name: 'set-up-error',
		phase: 'fresh',
		as: 'nobody',
		path: '/set-up',
		status: 422,
		act: async (page) => {
			for (const field of await page.locator('main form input:not([type=hidden])').all())
				await field.fill((await field.getAttribute('type')) === 'email' ? 'ann@northwind.example' : 'not the right one')
			await page.locator('main form button').last().click()
		},
	},

	{ name: 'sign-in', phase: 'empty', as: 'nobody', path: '/sign-in', normal: true },
	{
		name: 'sign-in-error',
		phase: 'empty',
		as: 'nobody',
		path: '/sign-in',
		status: 422,
		act: async (page) => {
			await page.locator('[name=username]').fill('ann@northwind.example')
			await page.locator('[name=password]').fill('not the right one')
			await page.locator('main form button').last().click()
		},
	},
	{
		name: 'invitation',
		phase: 'empty',
		as: 'nobody',
		path: (scene) => new URL(scene.invitationUrl).pathname,
		normal: true,
	},
	{ name: 'invitation-invalid', phase: 'empty', as: 'nobody', path: '/accept/x', status: 404 },
	{ name: 'hand-over-unknown', phase: 'empty', as: 'nobody', path: '/connect/woocommerce/x', status: 404 },
	{ name: 'home-first-use', phase: 'empty', path: '/' },
	{ name: 'instances-first-use', phase: 'empty', path: '/instances' },
	{ name: 'connect-first-use', phase: 'empty', path: '/connect' },

	{ name: 'home', phase: 'normal', path: '/', normal: true },
	{ name: 'home-viewer', phase: 'normal', as: 'viewer', path: '/' },
	{ name: 'instances', phase: 'normal', path: '/instances', normal: true },
	{ name: 'instances-viewer', phase: 'normal', as: 'viewer', path: '/instances' },
	{ name: 'instances-found', phase: 'normal', path: '/instances?q=harbor' },
	{ name: 'instances-none-found', phase: 'normal', path: '/instances?q=nothing+has+this+name' },
	{ name: 'connect', phase: 'normal', path: '/connect', normal: true },
	{
		name: 'connect-error',
		phase: 'normal',
		path: '/connect',
		status: 422,
		act: async (page) => {
			await page.getByLabel('The Store URL').fill('http://127.0.0.1:9/')
			await page.getByRole('button', { name: 'Create Instance' }).click()
		},
	},
	{ name: 'instance', phase: 'normal', path: instance(RIVERSIDE), normal: true },
	{ name: 'instance-viewer', phase: 'normal', as: 'viewer', path: instance(RIVERSIDE) },
	{ name: 'instance-needs-reauth', phase: 'normal', path: instance('Harbor Books') },
	{ name: 'instance-callback-failing', phase: 'normal', path: instance('Juniper Home') },
	{ name: 'instance-unreachable', phase: 'normal', path: instance('Old Mill Toys') },
	{ name: 'instance-paused', phase: 'normal', path: instance('Fern & Field') },
	{ name: 'instance-connecting', phase: 'normal', path: instance('Saffron Kitchen, the whole catalogue') },
	{ name: 'configuration', phase: 'normal', path: instance(RIVERSIDE, '/configuration'), normal: true },
	{ name: 'configuration-viewer', phase: 'normal', as: 'viewer', path: instance(RIVERSIDE, '/configuration') },
	{ name: 'instance-code', phase: 'normal', path: instance(RIVERSIDE, '/code'), normal: true },
	{
		name: 'event',
		phase: 'normal',
		path: async (scene) => `${scene.instancePath(RIVERSIDE)}/events/${await scene.newestEvent(RIVERSIDE)}`,
		normal: true,
	},
	{ name: 'delete', phase: 'normal', path: instance(RIVERSIDE, '/delete') },
	{ name: 'pause', phase: 'normal', path: instance(RIVERSIDE, '/pause') },
	{ name: 'deletions-held', phase: 'normal', path: instance('Kiln & Clay', '/deletions'), normal: true },
	{ name: 'mass-changes', phase: 'normal', path: instance('North Pier Coffee', '/mass-changes'), normal: true },
	{ name: 'unchecked', phase: 'normal', path: instance(RIVERSIDE, '/unchecked') },
	{ name: 're-authentication', phase: 'normal', path: instance('Harbor Books', '/re-authentication'), normal: true },
	{ name: 'source', phase: 'normal', path: instance('Marlow Candles', '/source'), normal: true },
	{ name: 'subscription', phase: 'normal', path: instance('Tidewater Bikes', '/subscription'), normal: true },
	{ name: 'callback-failing', phase: 'normal', path: instance('Juniper Home', '/subscription') },
	{ name: 'sessions', phase: 'normal', path: '/account/sessions', normal: true },
	{ name: 'guide', phase: 'normal', as: 'nobody', path: '/guide', normal: true },
	{ name: 'guide-signed-in', phase: 'normal', path: '/guide/woocommerce-events' },
	{ name: 'guide-no-page', phase: 'normal', path: '/guide/nothing-here', status: 404 },
	{ name: 'reference', phase: 'normal', path: '/docs', normal: true, until: '#reference h1', foreign: true },
	// It shows the frame of pages once more.
	{ name: 'kit', phase: 'normal', path: '/kit', normal: true, without: /^landmark-/ },
	{ name: 'no-page', phase: 'normal', path: '/nothing-here', status: 404 },
	{ name: 'no-instance', phase: 'normal', path: '/instances/999999999/deletions', status: 404 },

	{ name: 'home-many', phase: 'many', path: '/' },
	{ name: 'instances-many', phase: 'many', path: '/instances' },
]

/** The pages that take assets of others: only these. */
export const REFERENCE_PATH = '/docs'
