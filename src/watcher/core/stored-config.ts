/** The object's copy of its row in D1: the one row of its table `instance`. */
import { NO_KEY_ROTATION } from '../../delivery/sign.ts'
import { toIncarnation } from '../../lib/incarnation.ts'
import { getDefaultDelivery, type WatcherConfig } from '../../rpc/config.ts'
import type { Sql } from './ports.ts'

/**
 * The stored copy, and when it was read from D1 (epoch ms); null: none. Copies of earlier versions lack later fields.
 */
export function loadConfig(sql: Sql): { config: WatcherConfig; readMs: number } | null {
	const row = sql.all<{ config: string; read_at: number }>(`SELECT config, read_at FROM instance`)[0]
	if (row === undefined) return null
	const config = JSON.parse(row.config) as WatcherConfig
	return {
		config: {
			...config,
			incarnation: toIncarnation(config.incarnation, config.instanceId),
			organizationIncarnation: toIncarnation(config.organizationIncarnation, config.organizationId),
			hooks: config.hooks ?? null,
			massChanges: config.massChanges ?? 'emit',
			signature: config.signature ?? NO_KEY_ROTATION,
			delivery: config.delivery ?? getDefaultDelivery(config.vendorType),
			subscriptionId: config.subscriptionId ?? 0,
			others: config.others ?? [],
			announces: config.announces ?? false,
			storeless: config.storeless ?? false,
		},
		readMs: row.read_at,
	}
}

/** Stores the first copy. Does nothing when there is one. */
export function insertConfig(sql: Sql, config: WatcherConfig, readMs: number): void {
	sql.run(
		`INSERT OR IGNORE INTO instance (id, version, config, read_at) VALUES (?, ?, ?, ?)`,
		config.instanceId,
		config.version,
		JSON.stringify(config),
		readMs,
	)
}

/** Replaces the copy. */
export function updateConfig(sql: Sql, config: WatcherConfig, readMs: number): void {
	sql.run(`UPDATE instance SET version = ?, config = ?, read_at = ?`, config.version, JSON.stringify(config), readMs)
}
