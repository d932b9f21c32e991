/**
 * The cron's work, every five minutes: wakes instances whose alarm was lost and completes unfinished work
 * (docs/operations.md, Deployment).
 */
import { HOUR_MS } from '../lib/time.ts'
import { mapConcurrent } from '../lib/concurrency.ts'
import { pruneAccounts } from '../accounts/prune.ts'
import { withIncarnation, type ObjectRef } from '../lib/incarnation.ts'
import { log, logError } from '../lib/log.ts'
import { deleteExpiredDrafts } from './drafts.ts'
import { abandonWebhookTasks, scheduleRekey, runWebhookTask } from './webhooks.ts'
import { purgeInstance } from './lifecycle.ts'
import { abandonCreating } from './row-lifecycle.ts'
import { runReplayJobs } from './replay-runner.ts'
import { resealSecrets } from './reseal.ts'
import { completeKeyTakeovers } from './signature.ts'
import type { Services } from './services.ts'

/** Instances that one run wakes. */
const MAX_WAKES = 100
/** Concurrent calls: the platform's limit of connections. */
const MAX_CONCURRENT = 6
/** A row that stays `creating` for longer was left by a crash, ms. */
const MAX_CREATING_MS = 15 * 60_000
/** An instance is overdue after this time, or after twice its interval, ms. */
const OVERDUE_MS = 2 * HOUR_MS
/**
 * Minimum time between two wake-ups of one instance, so that those that do not respond do not displace the others, ms.
 */
const WAKE_PAUSE_MS = 30 * 60_000

/** Steps of each replay across instances in one run. */
const MAX_JOB_STEPS = 50
/** Instances whose webhook tasks one run performs. */
const MAX_WEBHOOK_TASKS = 30
/**
 * SQL: a webhook task is retried after a quarter of the time since it was requested, at least every six hours; `?1` is
 * now.
 */
const WEBHOOK_TASK_DUE_SQL = 'coalesce(hook_tried_ms, 0) < ?1 - min(21600000, (?1 - hook_work_ms) / 4)'

/** The numbers of a run. */
interface CronResult {
	woken: number
	cleared: number
}

/** Wakes overdue instances and continues deletions. A failure of one does not stop the others. */
export async function runCron(services: Services): Promise<CronResult> {
	const nowMs = services.now()
	const { DB } = services.env
	await abandonWebhookTasks(DB, nowMs)
	// A deletion is retried in each run; the remains of a failed creation are deleted too.
	await abandonCreating(DB, { beforeMs: nowMs - MAX_CREATING_MS }, nowMs)
	const unfinished = await DB.prepare(
		`SELECT id, incarnation FROM instances WHERE state = 'deleted' AND (hook_work IS NULL
			OR ${WEBHOOK_TASK_DUE_SQL}) ORDER BY updated_ms LIMIT ?2`,
	)
		.bind(nowMs, MAX_WAKES)
		.all<ObjectRef>()
	let cleared = 0
	await mapConcurrent(unfinished.results, MAX_CONCURRENT, async (row) => {
		const { id } = row
		if (await purgeInstance(services, withIncarnation(row))) cleared++
		// Moves to the end of the line, so that failing deletions do not delay the others.
		else
			await DB.prepare("UPDATE instances SET updated_ms = ? WHERE id = ? AND state = 'deleted'").bind(nowMs, id).run()
	})

	await scheduleRekey(services, MAX_WEBHOOK_TASKS)
	const hooks = await DB.prepare(
		`SELECT id FROM instances WHERE state = 'ready' AND hook_work IS NOT NULL
			AND ${WEBHOOK_TASK_DUE_SQL} ORDER BY hook_tried_ms LIMIT ?2`,
	)
		.bind(nowMs, MAX_WEBHOOK_TASKS)
		.all<{ id: number }>()
	await mapConcurrent(hooks.results, MAX_CONCURRENT, ({ id }) => runWebhookTask(services, id))
	await deleteExpiredDrafts(DB, nowMs)
	await completeKeyTakeovers(DB, nowMs)
	await pruneAccounts(DB, nowMs)
	await runReplayJobs(services, MAX_JOB_STEPS)
	await resealSecrets(DB, services.env.MASTER_KEYS)

	const overdue = await DB.prepare(
		`SELECT i.id, i.incarnation FROM instances AS i LEFT JOIN instance_status AS s ON s.instance_id = i.id
		WHERE i.state = 'ready' AND i.enabled = 1 AND i.events_enabled = 1
		AND coalesce(s.alive_at_ms, i.created_ms) < ?1 - max(?2, 2 * coalesce(s.interval_ms, 0))
		AND coalesce(s.woken_at_ms, 0) < ?1 - ?3
		ORDER BY coalesce(s.woken_at_ms, 0), i.id LIMIT ?4`,
	)
		.bind(nowMs, OVERDUE_MS, WAKE_PAUSE_MS, MAX_WAKES)
		.all<ObjectRef>()
	let woken = 0
	await mapConcurrent(overdue.results.map(withIncarnation), MAX_CONCURRENT, async (ref) => {
		try {
			const watcher = services.watcher(ref)
			// The row is ready, but the object has lost its storage. It is created again from its row.
			if ((await watcher.wake()) === 'unknown') await watcher.create(ref.id, ref.incarnation, { again: true })
			woken++
		} catch (error) {
			logError('watchdog.wake-failed', error, { instance: ref.id })
		}
	})
	if (overdue.results.length > 0) {
		await DB.prepare('UPDATE instance_status SET woken_at_ms = ? WHERE instance_id IN (SELECT value FROM json_each(?))')
			.bind(nowMs, JSON.stringify(overdue.results.map((row) => row.id)))
			.run()
	}
	if (woken > 0 || cleared > 0) log('watchdog.round', { woken, cleared })
	return { woken, cleared }
}
