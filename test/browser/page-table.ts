/**
 * Every page in its states: `npm run screenshots` takes their pictures, `npm test` looks at each of them once. A new page or state is a
 * line here.
 */
import type { Page } from 'playwright-core'
import { getAttemptSubjects, MAX_ATTEMPTS_PER_NAME } from '../../src/accounts/sign-in-attempts.ts'
import { executeSql } from '../support/miniflare.ts'
import type { Scene, ScenePhase, SceneViewer } from './scene.ts'

/** A page in one of its states. */
export type PageState = Shown &
	(
		| { act?: undefined; until?: string }
		| {
				/** Leads from the page to the state. `status` is then what it is answered on the way. */
				act: (page: Page, scene: Scene) => Promise<void>
				/** What is there when the state is reached: a selector. */
				until: string
		  }
	)

interface Shown {
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
	/** Of axe's rules these do not hold here. */
	without?: RegExp
	/** The page comes from elsewhere (the reference), and its accessibility with it. */
	foreign?: boolean
}

const RIVERSIDE = 'Riverside Outfitters'
/** The list with this instance, without the others. */
const FOUND_HARBOR = '#instances:has-text("Harbor Books"):not(:has-text("Riverside"))'

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
		until: '[aria-invalid=true][name=token]',
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
		until: '[role=alert]:has-text("password is wrong")',
	},
	{
		name: 'sign-in-too-many-tries',
		phase: 'empty',
		as: 'nobody',
		path: '/sign-in',
		status: 429,
		act: async (page, scene) => {
			const username = 'tom@northwind.example'
			const { name } = getAttemptSubjects(username, '')
			await executeSql(scene.runtime, [
				`INSERT OR REPLACE INTO sign_in_attempts VALUES ('${name}', ${MAX_ATTEMPTS_PER_NAME}, ${Date.now()})`,
			])
			await page.locator('[name=username]').fill(username)
			await page.locator('[name=password]').fill('not the right one')
			await page.locator('main form button').last().click()
		},
		until: '[role=alert]:has-text("Too many attempts")',
	},
	{
		name: 'failed',
		phase: 'empty',
		as: 'nobody',
		path: (scene) => new URL(scene.invitationUrl).pathname,
		status: 500,
		act: async (page, { runtime }) => {
			await executeSql(runtime, ['ALTER TABLE links RENAME TO links_away'])
			try {
				await page.reload()
			} finally {
				await executeSql(runtime, ['ALTER TABLE links_away RENAME TO links'])
			}
		},
		until: 'main:has-text("Request id")',
	},
	{
		name: 'invitation',
		phase: 'empty',
		as: 'nobody',
		path: (scene) => new URL(scene.invitationUrl).pathname,
		normal: true,
	},
	{
		name: 'reset',
		phase: 'empty',
		as: 'nobody',
		path: async ({ client }) => {
			const users = await client.api.listUsers()
			const { id } = users.find(({ email }) => email === 'viewer@example.com')!
			return new URL((await client.api.resetPassword({ params: { id } })).url).pathname
		},
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
	{ name: 'instances-found', phase: 'normal', path: '/instances?search=harbor', until: FOUND_HARBOR },
	{
		name: 'instances-none-found',
		phase: 'normal',
		path: '/instances?search=nothing+has+this+name',
		until: 'text=No instance matches',
	},
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
		until: '#connect:has([role=alert]:has-text("Nothing was changed")) [aria-invalid=true]',
	},
	{
		name: 'connect-json',
		phase: 'normal',
		path: '/connect',
		act: async (page) => await page.getByRole('button', { name: 'Edit as JSON' }).click(),
		until: 'textarea[name="event.poller.configuration"]',
	},
	{
		name: 'connect-offline',
		phase: 'normal',
		path: '/connect',
		act: async (page) => await page.context().setOffline(true),
		until: '.connection:has-text("Reconnecting…")',
	},
	{
		name: 'connect-session-ended',
		phase: 'normal',
		path: '/connect',
		status: 401,
		act: async (page) => {
			await page.context().clearCookies()
			await page.getByRole('button', { name: 'Create Instance' }).click()
		},
		until: 'text=Nothing is lost',
	},
	{ name: 'instance', phase: 'normal', path: instance(RIVERSIDE), normal: true },
	{ name: 'instance-viewer', phase: 'normal', as: 'viewer', path: instance(RIVERSIDE) },
	{ name: 'instance-needs-reauth', phase: 'normal', path: instance('Harbor Books') },
	{ name: 'instance-callback-failing', phase: 'normal', path: instance('Juniper Home') },
	{ name: 'instance-unreachable', phase: 'normal', path: instance('Old Mill Toys') },
	{ name: 'instance-full', phase: 'normal', path: instance('Bramble Vintage'), until: 'text=Storage full' },
	{
		name: 'instance-webhooks-degraded',
		phase: 'normal',
		path: instance('Lakeside Garden'),
		until: 'text=Webhooks degraded',
	},
	{ name: 'instance-paused', phase: 'normal', path: instance('Fern & Field') },
	{ name: 'instance-connecting', phase: 'normal', path: instance('Saffron Kitchen, the whole catalogue') },
	{ name: 'configuration', phase: 'normal', path: instance(RIVERSIDE, '/configuration'), normal: true },
	{
		name: 'configuration-pencil',
		phase: 'normal',
		path: instance(RIVERSIDE, '/configuration'),
		act: async (page) => {
			await page.getByLabel('Edit orders', { exact: true }).click()
			await page.getByRole('button', { name: 'Check the store' }).click()
		},
		until: '.row:has-text("orders") li:has-text("the newest record has")',
	},
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
	{ name: 'resume', phase: 'normal', path: instance('Fern & Field', '/resume') },
	{
		name: 'no-right',
		phase: 'normal',
		as: 'viewer',
		path: '/account/sessions',
		status: 403,
		act: async (page, scene) =>
			await page.evaluate(`(() => {
				const form = document.querySelector('main form')
				form.action = '${scene.instancePath(RIVERSIDE)}/pause'
				form.submit()
			})()`),
		until: 'h1:has-text("You may not do this")',
	},
	{
		name: 'send-again',
		phase: 'normal',
		path: '/account/sessions',
		status: 403,
		act: async (page) =>
			await page.evaluate(`(() => {
				const form = document.querySelector('main form')
				form.querySelector('[name=csrf]').value = '1.of-an-earlier-session'
				form.submit()
			})()`),
		until: 'h1:has-text("Send it again")',
	},
	{ name: 'deletions-held', phase: 'normal', path: instance('Kiln & Clay', '/deletions'), normal: true },
	{
		name: 'deletions-checked',
		phase: 'normal',
		path: instance('Kiln & Clay', '/deletions'),
		act: async (page) => await page.getByRole('button', { name: 'Check the store' }).click(),
		until: '#check:has-text("do not exist at the store")',
	},
	{ name: 'mass-changes', phase: 'normal', path: instance('North Pier Coffee', '/mass-changes'), normal: true },
	{ name: 'unchecked', phase: 'normal', path: instance(RIVERSIDE, '/unchecked') },
	{ name: 're-authentication', phase: 'normal', path: instance('Harbor Books', '/re-authentication'), normal: true },
	{ name: 'source', phase: 'normal', path: instance('Marlow Candles', '/source'), normal: true },
	{
		name: 'source-moved',
		phase: 'normal',
		path: instance('Marlow Candles', '/source'),
		status: 422,
		act: async (page, scene) => {
			await page.getByLabel('The Store URL').fill(await scene.serveCopy('Marlow Candles'))
			await page.getByRole('button', { name: 'Save the address' }).click()
		},
		until: '[name=rebaseline]',
	},
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

	// It adds an instance, so it comes after those that count them.
	{
		name: 'created',
		phase: 'normal',
		path: '/connect',
		act: async (page, scene) => {
			const { url, credentials } = scene.stores.get('Alpenglow Sports')!
			await page.getByLabel('The Store URL').fill(url)
			await page.getByLabel('OAuth API Key').fill(credentials.key)
			await page.getByLabel('OAuth API Secret').fill(credentials.secret)
			await page.getByLabel('Store events in the log only').click()
			await page.getByRole('button', { name: 'Create Instance' }).click()
		},
		until: '#connect:has-text("is connected.") :text("Copy it now")',
	},
	{ name: 'home-many', phase: 'many', path: '/' },
	{ name: 'instances-many', phase: 'many', path: '/instances' },
]

/** The pages that take assets of others: only these. */
export const REFERENCE_PATH = '/docs'
