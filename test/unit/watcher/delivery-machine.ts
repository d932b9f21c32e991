/**
 * Forming, claiming and settling as a state machine: an engine over an in-memory database and a virtual clock, consumers and
 * callbacks that do what they like (delivery-machine-actions.ts), and a model of what each subscription is to receive
 * (delivery-machine-state.ts). After every call the rules of delivery are held against the storage
 * (delivery-machine-checks.ts); a broken one throws.
 */
import assert from 'node:assert/strict'
import { Engine } from '../../../src/watcher/engine.ts'
import {
	SECOND_MS,
	HOUR_MS,
	INSTANCE,
	type MachineStep,
	MAX_POSTS_WHEN_QUIETING,
	Crash,
	MachineState,
} from './delivery-machine-state.ts'
import { checkInvariants, isQuiet, describeStranded, checkFinalState } from './delivery-machine-checks.ts'
import { runStep } from './delivery-machine-actions.ts'

export type { ConfigChange, MachineAnswer, MachineStep } from './delivery-machine-state.ts'

/** The machine. Make one with `DeliveryMachine.create`, play steps, then `runUntilQuiet`. */
export class DeliveryMachine extends MachineState {
	static async create(): Promise<DeliveryMachine> {
		const machine = new DeliveryMachine()
		await machine.engine.create(INSTANCE)
		machine.postponePolls()
		checkInvariants(machine)
		return machine
	}

	/** Takes one step and looks at what it did. */
	async play(step: MachineStep): Promise<void> {
		this.happened.add(step.kind)
		await this.#runWithCrash(step.crash ?? null, () => runStep(this, step))
	}

	/** Everything is answered 204, every doorbell comes through, everything is released; then everything must have arrived. */
	async runUntilQuiet(): Promise<void> {
		await this.play({
			kind: 'configure',
			change: { enabled: true, delivery: { rate: null } },
			refresh: true,
			release: true,
		})
		this.heldClaims = []
		await this.#settleAll()
		// An attempt that was under way when its resend was cancelled is queued when it ends.
		await this.play({ kind: 'release', subscription: null })
		await this.#settleAll()
		checkFinalState(this)
	}

	async #settleAll(): Promise<void> {
		const end = this.nowMs + 12 * HOUR_MS
		for (let round = 0; !isQuiet(this); round++) {
			assert(this.nowMs < end && round < 400, `not quiet: ${describeStranded(this)}`)
			await this.play({ kind: 'deliver', answer: 'ok', most: MAX_POSTS_WHEN_QUIETING })
			if (this.admissionRequests.length > 0) await this.play({ kind: 'admit', permits: 6, closed: true, probe: false })
			if (this.doorbells > 0) continue
			this.nowMs = Math.max(this.nowMs + SECOND_MS, Math.min(this.alarmMs ?? end, this.nowMs + HOUR_MS))
			await this.play({ kind: 'time', ms: 0 })
		}
	}

	async #runWithCrash(crash: 'before' | 'after' | null, body: () => Promise<void>): Promise<void> {
		this.crashAt = crash
		try {
			await body()
		} catch (error) {
			if (!(error instanceof Crash)) throw error
		}
		if (this.crashed) {
			this.happened.add(`crash ${crash}`)
			this.crashed = false
			this.engine = new Engine(this.ports())
		}
		this.crashAt = null
		this.postponePolls()
		checkInvariants(this)
	}
}
