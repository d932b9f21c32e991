/** The clock of a run: store, callback and Worker share one that runs faster than the machine's, so that leases, retries and re-reads end sooner. */

/** Seconds on the run's clock for each second of the machine's. */
export const CLOCK_SPEED = 6

/** The run's clock. Both ways are pure functions of the moment it began, so that a Worker that was killed comes back to the same time. */
export class RunClock {
	readonly startedMs: number
	readonly speed: number

	constructor(startedMs: number, speed: number) {
		this.startedMs = startedMs
		this.speed = speed
	}

	/** The run's time, epoch ms, for one of the machine's. */
	toRunMs(machineMs: number): number {
		return Math.floor(this.startedMs + (machineMs - this.startedMs) * this.speed)
	}

	/** The machine's time at which the run's clock shows at least this. */
	toMachineMs(ms: number): number {
		return Math.ceil(this.startedMs + (ms - this.startedMs) / this.speed)
	}
}
