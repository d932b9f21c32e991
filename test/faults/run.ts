/**
 * A run: a shop changes, a callback has a bad day, and the Worker between them is killed and started again, at random moments and at the points
 * where most is at stake. Store and callback live on; in the end what arrived is held against what happened.
 */
import { join } from 'node:path'
import { Client, setUp } from '../../scripts/local/client.ts'
import { pause } from '../../scripts/local/bell.ts'
import { anyFreePort } from '../../scripts/local/ports.ts'
import { becomeQuiet, snapshot } from '../demo/stage.ts'
import { judge, RESOURCES, type Finding, type StoreObject } from '../support/oracle.ts'
import { Random } from '../store/random.ts'
import { Bell } from './bell.ts'
import { BadDay, type Post } from './callback.ts'
import { Clock, SPEED } from './clock.ts'
import { Control, type Halted } from './control.ts'
import { POINTS, type InnerPoint, type Point } from './points.ts'
import { Shop, type HeldPage } from './shop.ts'

/** How long a run is. */
export interface Length {
	changes: number
	objects: { orders: number; products: number; coupons: number; customers: number }
	/** One entry for each instance, the first made at the beginning, the others on the way: how often the Worker is killed while it learns the store. */
	baselines: readonly number[]
	/** How often it is killed at each of the other points. */
	each: Partial<Record<Point, number>>
	/** Pauses between two kills, ms. */
	pauseMs: readonly [number, number]
	/** Everything must be quiet so soon after the last change, ms. */
	quietMs: number
	/** A run ends by then, ms, whatever it lacks. */
	endMs: number
}

const BIG = { orders: 500, products: 320, coupons: 60, customers: 240 }

/** Thirty kills, five at each point, and six wherever they fall. */
export const FULL: Length = {
	changes: 5_000,
	objects: BIG,
	baselines: [2, 2, 1],
	each: { claimToPost: 5, duringPost: 5, answerToSettle: 5, commitToDoorbell: 5, rereadSlice: 5, anywhere: 6 },
	pauseMs: [1_000, 8_000],
	quietMs: 300_000,
	endMs: 3_600_000,
}

/** Within two minutes. */
export const QUICK: Length = {
	changes: 600,
	objects: { orders: 250, products: 160, coupons: 60, customers: 240 },
	baselines: [1],
	each: { claimToPost: 1, duringPost: 1, answerToSettle: 1, commitToDoorbell: 1, rereadSlice: 1, anywhere: 1 },
	pauseMs: [300, 2_000],
	quietMs: 60_000,
	endMs: 112_000,
}

/** For `npm test`. */
export const SHORT: Length = {
	changes: 300,
	objects: { orders: 60, products: 60, coupons: 20, customers: 40 },
	baselines: [0],
	each: { claimToPost: 1, answerToSettle: 1, commitToDoorbell: 1 },
	pauseMs: [200, 800],
	quietMs: 60_000,
	endMs: 110_000,
}

/** What a run says in the end. */
export interface Result {
	seed: number
	/** Changes of watched objects in the store. */
	changes: number
	kills: number
	/** Kills with a POST, a request to the store or a step held in the Worker under way. */
	killsInFlight: number
	/** Kills that are proved to have hit their point. */
	byPoint: Record<Point, number>
	/** First arrivals of events. */
	delivered: number
	lost: number
	invented: number
	/** One change under two names: as two events, or as other bytes under one. */
	renamed: number
	disordered: number
	/** Later arrivals; no error. */
	repeats: number
}

/** A run's result, and what it lacks; nothing is lacking where all is well. */
export interface Outcome {
	result: Result
	lacks: string[]
}

/** An instance and what the judge must know of it. */
interface Connected {
	id: number
	start: StoreObject[]
	startNumber: number
	t0Ms: number
	baselineEndMs: number | null
}

/** A kill, with what proves that it hit its point: asked in the end, when everything has arrived. */
interface Kill {
	point: Point
	inFlight: boolean
	proved: () => boolean
}

/** Something that stands still at a point, and what is to be shown of it afterwards. */
interface Hit {
	halted: Halted
	what: string
	/** Whether it is still so, asked just before the kill. */
	still: () => boolean
	proved: () => boolean
}

const KEY = 'the key of the runs with faults'
/** How the instances see changes, in the order in which they are made. */
const WAYS = ['hybrid', 'polling', 'webhook'] as const
/** Seconds on the run's clock between polls, and between re-reads. */
const POLL_SECONDS = 15
const REREAD_SECONDS = 45
/** How long a point may take to be reached, ms: on a busy machine polls and hints leave scans little time. */
const REACH_MS = 40_000

/** A kill that waits for nothing. */
const NOTHING_HELD: Hit = {
	halted: { broken: () => true, release: () => undefined },
	what: 'nothing was waited for',
	still: () => true,
	proved: () => true,
}

/** Runs. `say` hears how it goes. Throws when the harness itself fails. */
export async function run(dir: string, seed: number, length: Length, say: (what: string) => void): Promise<Outcome> {
	const house = new House(seed, length, say)
	let timer: NodeJS.Timeout | undefined
	try {
		const played = house.open(dir).then(async () => await house.play())
		const late = new Promise<'late'>((resolve) => {
			timer = setTimeout(() => resolve('late'), length.endMs)
		})
		if ((await Promise.race([played, late])) === 'late') {
			// What it still does comes to nothing: the house is closed.
			played.catch(() => undefined)
			say('time is up')
		}
		return await house.judge()
	} finally {
		clearTimeout(timer)
		await house.close()
	}
}

class House {
	readonly #seed: number
	readonly #length: Length
	readonly #say: (what: string) => void
	readonly #random: Random
	readonly #clock = new Clock(Date.now(), SPEED)
	readonly #undo: (() => Promise<void>)[] = []
	readonly #instances: Connected[] = []
	readonly #kills: Kill[] = []
	readonly #control = new Control()
	readonly #callback: BadDay
	readonly #total: number
	#shop!: Shop
	#bell!: Bell
	#client!: Client
	#quiet = false

	constructor(seed: number, length: Length, say: (what: string) => void) {
		this.#seed = seed
		this.#length = length
		this.#say = say
		this.#random = new Random(seed, 300)
		this.#callback = new BadDay(KEY, seed, this.#now)
		this.#total = [...length.baselines, ...Object.values(length.each)].reduce((sum, count) => sum + count, 0)
	}

	/** The run's clock. */
	readonly #now = (): number => this.#clock.at(Date.now())

	async open(dir: string): Promise<void> {
		await this.#control.listen()
		this.#undo.push(async () => await this.#control.close())
		await this.#callback.listen()
		this.#undo.push(async () => await this.#callback.close())
		this.#shop = new Shop({
			seed: this.#seed,
			url: `http://127.0.0.1:${await anyFreePort()}`,
			objects: this.#length.objects,
			now: this.#now,
			webhooks: { allowLocalDelivery: true },
		})
		const served = await this.#shop.listen()
		this.#undo.push(async () => {
			this.#shop.rest()
			await served.close()
		})
		this.#say('builds the Worker')
		this.#bell = await Bell.start(join(dir, 'bell'), await anyFreePort(), {
			FAULTS_BEGAN: String(this.#clock.beganMs),
			FAULTS_SPEED: String(SPEED),
			FAULTS_CONTROL: this.#control.url,
			FAULTS_CALLBACK: this.#callback.origin,
		})
		this.#undo.push(async () => await this.#bell.close())
		const account = await setUp(this.#bell.url, this.#bell.setupToken, {
			organizationName: 'Faults',
			email: 'faults@example.com',
			firstName: 'Fa',
			lastName: 'Ults',
		})
		if (account === null) throw new Error('the database was not empty')
		this.#client = new Client(this.#bell.url, account)
	}

	async close(): Promise<void> {
		for (const one of this.#undo.splice(0).toReversed()) await one()
	}

	/** Everything that happens, until all is quiet. */
	async play(): Promise<void> {
		const { baselines, each, changes, pauseMs, quietMs } = this.#length
		const points = shuffled(
			Object.entries(each).flatMap(([point, count]) => Array.from({ length: count }, () => point as Point)),
			this.#random,
		)
		for (const [number, kills] of baselines.entries()) {
			await this.#connect(WAYS[number % WAYS.length]!, kills)
			const share = points.splice(0, Math.ceil(points.length / (baselines.length - number)))
			for (const point of share) {
				await pause(this.#random.int(...pauseMs))
				await this.#killAt(point)
			}
		}
		this.#shop.wanted = changes
		while (this.#shop.changes() < changes) await pause(100)
		this.#shop.rest()
		this.#callback.recover()
		this.#shop.store.setWebhooks({ allowLocalDelivery: true })
		this.#say(`the shop stands still after ${this.#shop.changes()} changes, the callback has recovered`)
		const untilMs = this.#now() + quietMs * SPEED
		const decisions = setInterval(() => void this.#decide().catch(() => undefined), 1_000)
		const quiet = await Promise.all(
			this.#instances.map(({ id }) => becomeQuiet({ client: this.#client, instance: { id } }, untilMs, undefined, this.#now)),
		)
		clearInterval(decisions)
		this.#quiet = quiet.every(Boolean)
		this.#say(this.#quiet ? 'everything is quiet' : 'time is up before everything was quiet')
	}

	/** Judges every instance by itself, and proves the kills. */
	async judge(): Promise<Outcome> {
		this.#shop.rest()
		const { store } = this.#shop
		const final = snapshot(store)
		const { arrivals } = this.#callback
		const lacks: string[] = this.#quiet ? [] : ['it never became quiet']
		const result: Result = {
			seed: this.#seed,
			changes: this.#shop.changes(),
			kills: this.#kills.length,
			killsInFlight: this.#kills.filter(({ inFlight }) => inFlight).length,
			byPoint: Object.fromEntries(Object.keys(POINTS).map((point) => [point, 0])) as Record<Point, number>,
			delivered: 0,
			lost: 0,
			invented: 0,
			renamed: arrivals.filter(({ bytesChanged }) => bytesChanged).length,
			disordered: 0,
			repeats: 0,
		}
		const details: (Finding & { instance: number })[] = []
		for (const { id, start, startNumber, t0Ms, baselineEndMs } of this.#instances) {
			const taken = arrivals.filter(({ notificationId, status }) => ownerOf(notificationId) === id && status !== null && status < 300)
			const judgement = judge({
				journal: store.journal(),
				start,
				startNumber,
				final,
				t0Ms,
				baselineEndMs: baselineEndMs ?? Number.POSITIVE_INFINITY,
				arrivals: taken.flatMap(({ events }) => events),
			})
			result.delivered += judgement.created + judgement.updated + judgement.deleted
			result.lost += judgement.missed
			result.invented += judgement.invented
			result.renamed += judgement.renamed + judgement.duplicates
			result.disordered += judgement.disordered
			result.repeats += judgement.repeats
			details.push(...judgement.details.map((one) => ({ ...one, instance: id })))
			for (const { resource, volatile } of (await this.#client.poller(id).catch(() => ({ resources: [] }))).resources)
				if (volatile.length > 0) this.#say(`instance ${id} takes these for volatile in ${resource}: ${volatile.join(', ')}`)
		}
		for (const { instance, kind, object, note, eventId } of details.slice(0, 40))
			this.#say(`instance ${instance}: ${kind} ${object}: ${note}${eventId === null ? '' : ` (${eventId})`}`)
		const unsigned = arrivals.filter(({ signed }) => signed !== true).length
		if (unsigned > 0) lacks.push(`${unsigned} notifications were signed wrongly`)
		for (const kill of this.#kills) {
			if (kill.proved()) result.byPoint[kill.point]++
			else this.#say(`nothing proves that a kill was ${POINTS[kill.point]}`)
		}
		const wanted: Partial<Record<Point, number>> = {
			...this.#length.each,
			baselineSlice: this.#length.baselines.reduce((sum, n) => sum + n, 0),
		}
		for (const [point, count] of Object.entries(wanted) as [Point, number][])
			if (result.byPoint[point] < count) lacks.push(`kills ${POINTS[point]}: ${result.byPoint[point]} of ${count}`)
		if (result.kills < this.#total) lacks.push(`kills: ${result.kills} of ${this.#total}`)
		if (result.killsInFlight * 3 < result.kills * 2) lacks.push(`kills with work in flight: ${result.killsInFlight} of ${result.kills}`)
		if (result.changes < this.#length.changes) lacks.push(`changes: ${result.changes} of ${this.#length.changes}`)
		for (const word of ['lost', 'invented', 'renamed', 'disordered'] as const) if (result[word] > 0) lacks.push(`${word}: ${result[word]}`)
		return { result, lacks }
	}

	/** Connects the store once more, and kills while it is learned. */
	async #connect(way: (typeof WAYS)[number], kills: number): Promise<void> {
		const { store } = this.#shop
		// Stamps are whole seconds: what changed before the bell went on must not share its second.
		this.#shop.rest()
		await pause(3_000 / SPEED)
		const start = snapshot(store)
		const startNumber = store.journal().at(-1)?.number ?? 0
		const t0Ms = this.#now()
		const known = new Set(this.#instances.map(({ id }) => id))
		const fits = (page: HeldPage): boolean => !known.has(page.instance)
		let page = kills > 0 ? this.#skipping(fits) : null
		const { id } = await this.#client.connect(`Faults ${way}`, {
			'store.url': store.url,
			'oauth.api.key': store.credentials.key,
			'oauth.api.secret': store.credentials.secret,
			'event.notification.enabled': true,
			'event.vendor.type': way,
			'event.notification.callback.url': `${this.#callback.origin}/callback`,
			'event.notification.signature.key': KEY,
			'event.poller.refresh_interval': POLL_SECONDS / 60,
			'event.reconcile.interval': (2 * POLL_SECONDS) / 60,
			'event.poller.reread': REREAD_SECONDS / 3_600,
		})
		const instance: Connected = { id, start, startNumber, t0Ms, baselineEndMs: null }
		this.#instances.push(instance)
		this.#say(`instance ${id} is told of changes by ${way === 'polling' ? 'polls' : way === 'hybrid' ? 'webhooks and polls' : 'webhooks'}`)
		this.#advance()
		this.#shop.live()
		for (let done = 1; done <= kills; done++) {
			const hit = await this.#reachPage('baselineSlice', fits, page)
			if (hit === null) {
				this.#say(`no page of the baseline of instance ${id} was met`)
				break
			}
			// Asked for before the Worker is back: it goes on at once.
			if (done < kills) page = this.#skipping(fits)
			await this.#kill('baselineSlice', hit)
		}
		while (instance.baselineEndMs === null) {
			const { resources } = await this.#client.poller(id)
			if (resources.length > 0 && resources.every(({ baseline }) => baseline.complete)) instance.baselineEndMs = this.#now()
			else await pause(50)
		}
		this.#say(`instance ${id} has learned the store`)
	}

	/** Brings the Worker to a point and kills it there. */
	async #killAt(point: Point): Promise<void> {
		const untilMs = Date.now() + 2 * REACH_MS
		while (Date.now() < untilMs) {
			const hit = await this.#reach(point)
			if (hit === null) continue
			// What a doorbell is for may be claimed for another one that is still followed: the sooner the better.
			if (point !== 'commitToDoorbell') await pause(this.#random.int(0, 150))
			// It may have gone on, or have been given up, in the meantime.
			if (hit !== NOTHING_HELD && (hit.halted.broken() || !hit.still())) {
				hit.halted.release()
				continue
			}
			await this.#kill(point, hit)
			return
		}
		this.#say(`no moment ${POINTS[point]} was met`)
	}

	async #reach(point: Point): Promise<Hit | null> {
		if (point === 'anywhere') return NOTHING_HELD
		if (point === 'duringPost') return await this.#reachPost()
		if (point === 'baselineSlice' || point === 'rereadSlice') return await this.#reachPage(point, () => true)
		return await this.#reachInside(point)
	}

	/** A point that the Worker itself says it stands at. What it says is held against what the callback has seen. */
	async #reachInside(point: InnerPoint): Promise<Hit | null> {
		const next = this.#control.next(REACH_MS)
		await this.#bell.set({ point, skip: this.#random.int(0, 4) })
		const found = await next
		if (found === null) return null
		const { halted, standing } = found
		const { notifications, attempt } = standing
		const posts = (from = 1, to = Number.POSITIVE_INFINITY): Post[] =>
			this.#callback.posts.filter((post) => notifications.includes(post.notificationId) && post.attempt >= from && post.attempt <= to)
		const what = `${notifications.length === 1 ? notifications[0] : `${notifications.length} notifications`}${attempt > 0 ? `, try ${attempt}` : ''}`
		if (point === 'commitToDoorbell') {
			// None of them had left the Worker; all of them came.
			const came = (): boolean => notifications.every((one) => this.#callback.posts.some((post) => post.notificationId === one))
			return { halted, what, still: () => posts().length === 0, proved: came }
		}
		// It was taken, and since nobody could say so it came again; or that try never arrived, and a later one did.
		const as = (): boolean =>
			point === 'answerToSettle' ? posts(attempt, attempt).some(({ status }) => status === 200) : posts(attempt, attempt).length === 0
		return { halted, what, still: as, proved: () => as() && posts(attempt + 1).length > 0 }
	}

	/** A POST that the callback has read and not answered. */
	async #reachPost(): Promise<Hit | null> {
		const found = await this.#callback.next(REACH_MS)
		if (found === null) return null
		const { post, halted } = found
		const later = (): boolean =>
			this.#callback.posts.some((one) => one.notificationId === post.notificationId && one.attempt > post.attempt)
		return {
			halted,
			what: `${post.notificationId}, try ${post.attempt}`,
			still: () => post.end === 'open',
			// Its sender broke off, and tried again.
			proved: () => post.end === 'gone' && later(),
		}
	}

	/** A page that the store holds back, of a scan which the instance itself says is under way. */
	async #reachPage(
		point: 'baselineSlice' | 'rereadSlice',
		fits: (page: HeldPage) => boolean,
		first: Promise<{ page: HeldPage; halted: Halted } | null> | null = null,
	): Promise<Hit | null> {
		const untilMs = Date.now() + REACH_MS
		for (let next = first ?? this.#skipping(fits); ; next = this.#skipping(fits)) {
			const found = await next
			if (found === null || Date.now() > untilMs) {
				found?.halted.release()
				return null
			}
			const { page, halted } = found
			const poller = await this.#client.poller(page.instance, 1_500).catch(() => null)
			const resource = poller?.resources.find((one) => RESOURCES[one.resource] === page.resource)
			const underWay =
				resource !== undefined &&
				(point === 'baselineSlice' ? !resource.baseline.complete : resource.baseline.complete && resource.reread.running)
			if (underWay && !halted.broken())
				return { halted, what: `${page.resource} of instance ${page.instance}`, still: () => true, proved: () => true }
			halted.release()
		}
	}

	/** Some page later than the next one. */
	#skipping(fits: (page: HeldPage) => boolean): Promise<{ page: HeldPage; halted: Halted } | null> {
		let skip = this.#random.int(0, 3)
		return this.#shop.next((page) => fits(page) && skip-- <= 0, REACH_MS)
	}

	/** Kills the Worker where it stands, and runs it again a little later. */
	async #kill(point: Point, { halted, what, proved }: Hit): Promise<void> {
		const { open: posts } = this.#callback
		const { open: requests } = this.#shop
		const dead = this.#bell.kill()
		// WooCommerce gives a webhook up that fails too often: mostly its cron does not run while nobody listens.
		const held = this.#random.chance(0.7)
		if (held) this.#shop.store.setWebhooks({ allowLocalDelivery: true, hold: true })
		await dead
		const brokenMs = Date.now() + 2_000
		while (!halted.broken() && Date.now() < brokenMs) await pause(5)
		const broken = halted.broken()
		this.#kills.push({ point, inFlight: posts + requests > 0 || (point !== 'anywhere' && broken), proved: () => broken && proved() })
		this.#say(
			`kill ${this.#kills.length} of ${this.#total}: ${POINTS[point]} (${what}); ${posts} POSTs and ${requests} requests to the store under way, ${this.#shop.changes()} changes so far`,
		)
		this.#advance()
		await pause(this.#random.int(0, 800))
		await this.#bell.run()
		this.#shop.store.setWebhooks({ allowLocalDelivery: true })
		// Somebody at the shop switches on again what WooCommerce has switched off.
		if (this.#random.chance(0.5))
			for (const { id, status } of this.#shop.store.webhooks())
				if (status === 'disabled') this.#shop.store.makeWebhook({ id, status: 'active' })
	}

	/** Somebody looks at deletions that the brake holds: they are real. */
	async #decide(): Promise<void> {
		for (const { id } of this.#instances) {
			if ((await this.#client.health(id)).state !== 'deletions-held') continue
			await this.#client.api.decideHeldDeletions({ params: { id }, body: { decision: 'emit' } })
			this.#say(`instance ${id} held deletions; somebody has looked at them`)
		}
	}

	/** The shop's changes keep pace with the kills. */
	#advance(): void {
		this.#shop.wanted = Math.ceil((this.#length.changes * (this.#kills.length + 1)) / (this.#total + 1))
	}
}

/** The instance of a notification: its id is the instance's, and nine digits (design, State: Ids). */
function ownerOf(notificationId: string): number {
	return Math.floor(Number(notificationId.replace('ntf_', '')) / 1e9)
}

function shuffled<T>(list: T[], random: Random): T[] {
	for (let i = list.length - 1; i > 0; i--) {
		const j = random.int(0, i)
		;[list[i], list[j]] = [list[j] as T, list[i] as T]
	}
	return list
}
