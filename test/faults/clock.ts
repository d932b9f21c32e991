/** The clock of a run: store, callback and Worker share one that runs faster than the machine's, so that leases, retries and re-reads end sooner. */

/** Seconds on the run's clock for each second of the machine's. */
export const SPEED = 6

/** The run's clock. Both ways are pure functions of the moment it began, so that a Worker that was killed comes back to the same time. */
export class Clock {
	readonly beganMs: number
	readonly speed: number

	constructor(beganMs: number, speed: number) {
		this.beganMs = beganMs
		this.speed = speed
	}

	/** The run's time, epoch ms, for one of the machine's. */
	at(machineMs: number): number {
		return Math.floor(this.beganMs + (machineMs - this.beganMs) * this.speed)
	}

	/** The machine's time at which the run's clock shows at least this. */
	machineAt(ms: number): number {
		return Math.ceil(this.beganMs + (ms - this.beganMs) / this.speed)
	}
}
