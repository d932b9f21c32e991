/** The list of repairs of an instance's webhooks, newest first. */
import type { Core } from '../core/core.ts'

export function recordRepair(core: Core, description: string): void {
	const { hooks } = core.state
	hooks.repairs = [{ atMs: core.ports.now(), what: description }, ...hooks.repairs].slice(0, MAX_REPAIRS_KEPT)
}

const MAX_REPAIRS_KEPT = 20
