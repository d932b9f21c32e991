/** The list of repairs of an instance's webhooks, newest first. */
import type { Core } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'

export function recordRepair(_tx: Tx, core: Core, description: string): void {
	const { hooks } = core.state
	hooks.repairs = [{ atMs: core.ports.now(), what: description }, ...hooks.repairs].slice(0, MAX_REPAIRS_KEPT)
}

const MAX_REPAIRS_KEPT = 20
