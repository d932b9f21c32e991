/** A person at the pages: finds things by what is written on them, and is counted by what they do. */
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { expect, onTestFailed } from 'vitest'
import { openPage } from '../browser.ts'

/** Longest wait for what has to come; nothing is held against the clock. */
export const PATIENCE_MS = 60_000

/** How a person works. */
export type Hands = 'mouse' | 'keyboard'

/** Tabs after which something is not to be reached. */
const MAX_TABS = 200

/** What Chromium logs when a page or a part is refused: the page itself says why. */
const REFUSED = /^Failed to load resource: the server responded with a status of (401|409|422) /

/** A person with a browser window. */
export class Visitor {
	/** Clicks, fields filled in, keys pressed for something, choices. */
	interactions = 0
	readonly #elsewhere: string[]
	readonly #errors: string[]

	readonly page: Page
	readonly context: BrowserContext
	readonly hands: Hands

	private constructor(opened: Awaited<ReturnType<typeof openPage>>, hands: Hands) {
		this.page = opened.page
		this.context = opened.context
		this.#elsewhere = opened.elsewhere
		this.#errors = opened.errors
		this.hands = hands
		this.page.setDefaultTimeout(PATIENCE_MS)
	}

	static async open(
		browser: Browser,
		origin: string,
		{ hands = 'mouse', javaScript = true }: { hands?: Hands; javaScript?: boolean } = {},
	): Promise<Visitor> {
		return new Visitor(await openPage(browser, origin, { width: 1280, dark: false, javaScript }), hands)
	}

	/** If the test fails, its output has what was seen last. */
	showOnFailure(): this {
		onTestFailed(async () => {
			const text = await this.page.locator('body').innerText({ timeout: 5_000 }).catch(String)
			console.log(`${this.page.url()}\n${text}\n${this.#errors.join('\n')}`)
		})
		return this
	}

	/** A field by its label: the whole label, without the note that it is optional. */
	field(label: string, within: Page | Locator = this.page): Locator {
		return within.getByLabel(new RegExp(`^${escape(label)}( optional)?$`))
	}

	button(name: string | RegExp, within: Page | Locator = this.page): Locator {
		return within.getByRole('button', { name, exact: true })
	}

	/** Types a text in place of what is in a field. */
	async fill(field: Locator, text: string): Promise<void> {
		this.interactions++
		if (this.hands === 'mouse') {
			await field.click()
			await field.fill(text)
			return
		}
		await this.reach(field)
		await this.page.keyboard.press('ControlOrMeta+A')
		await (text === '' ? this.page.keyboard.press('Delete') : this.page.keyboard.insertText(text))
	}

	/** Presses a button, opens what folds, follows a link. */
	async press(target: Locator): Promise<void> {
		this.interactions++
		if (this.hands === 'mouse') return await target.click()
		await this.reach(target)
		await this.page.keyboard.press('Enter')
	}

	/** Ticks or unticks, and switches. */
	async toggle(target: Locator): Promise<void> {
		this.interactions++
		if (this.hands === 'mouse') return await target.click()
		await this.reach(target)
		await this.page.keyboard.press('Space')
	}

	/** Chooses one of a few. */
	async choose(option: Locator): Promise<void> {
		this.interactions++
		if (this.hands === 'mouse') return await option.click()
		// The keyboard reaches the group at what is chosen, and arrows lead to the others.
		await this.#tabTo(() => option.evaluate((one: Named) => document.activeElement?.name === one.name))
		for (let tries = 0; tries < 20 && !(await option.isChecked()); tries++) await this.page.keyboard.press('ArrowUp')
	}

	/** Goes to something by the keyboard. */
	async reach(target: Locator): Promise<void> {
		await target.waitFor()
		await this.#tabTo(() => target.evaluate((one) => document.activeElement === one))
	}

	async #tabTo(isThere: () => Promise<boolean>): Promise<void> {
		for (let tabs = 0; tabs <= MAX_TABS; tabs++) {
			if (await isThere()) return
			await this.page.keyboard.press('Tab')
		}
		throw new Error('the keyboard does not lead there')
	}

	/** What stands below a field: its error, what a check found, its hint. */
	async notes(field: Locator): Promise<string> {
		return await field.evaluate((one: Named) =>
			(one.getAttribute('aria-describedby') ?? '')
				.split(' ')
				.map((id) => document.getElementById(id)?.innerText ?? '')
				.join('\n'),
		)
	}

	/** Waits until a field is marked as wrong, and says why. */
	async expectWrong(field: Locator, text: RegExp): Promise<void> {
		await this.#expectNote(field, 'true', text)
	}

	/** Waits until something good stands below a field. */
	async expectFound(field: Locator, text: RegExp): Promise<void> {
		await this.#expectNote(field, null, text)
	}

	async #expectNote(field: Locator, invalid: 'true' | null, text: RegExp): Promise<void> {
		await expect
			.poll(async () => ({ invalid: await field.getAttribute('aria-invalid'), notes: await this.notes(field) }), {
				timeout: PATIENCE_MS,
			})
			.toEqual({ invalid, notes: expect.stringMatching(text) as unknown })
	}

	/** Waits for a text to be seen. */
	async see(text: string | RegExp, within: Page | Locator = this.page): Promise<void> {
		await within.getByText(text).filter({ visible: true }).first().waitFor()
	}

	/** Nothing went wrong, and nobody else was asked but those at `but`. */
	expectClean(but: readonly string[] = []): void {
		const elsewhere = this.#elsewhere.filter((url) => !but.some((origin) => url.startsWith(`${origin}/`)))
		const errors = this.#errors.filter((error) => !REFUSED.test(error))
		expect({ elsewhere, errors }).toEqual({ elsewhere: [], errors: [] })
	}

	/** Forgets the errors so far, which were meant. */
	forgetErrors(): void {
		this.#errors.length = 0
	}

	async leave(): Promise<void> {
		await this.context.close()
	}
}

/** What of an element is asked for here. */
interface Named {
	name: string
	getAttribute(name: string): string | null
}
declare const document: {
	activeElement: Named | null
	getElementById(id: string): { innerText: string } | null
}

function escape(text: string): string {
	return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
