/** The list of what was done about an instance's webhooks, newest first. */
import type { Core } from '../core/core.ts'

export function note(core: Core, what: string): void {
	const { hooks } = core.state
	hooks.repairs = [{ atMs: core.ports.now(), what }, ...hooks.repairs].slice(0, REPAIRS_KEPT)
}

export const REPAIRS_KEPT = 20
