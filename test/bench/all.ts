/** Every bench there is, in the order of the table. */
import { apiBench } from './api.ts'
import { baselineBench } from './baseline.ts'
import type { Bench } from './bench.ts'
import { changedBench, deletedBench } from './changes.ts'
import { costBench } from './cost.ts'
import { deliveryBench } from './delivery.ts'
import { demoBench } from './demo.ts'
import { fairnessBench } from './fairness.ts'
import { hubBench } from './hub.ts'
import { isolationBench } from './isolation.ts'
import { logBench } from './log.ts'
import { pagesBench } from './pages.ts'
import { customersBench, pollsBench } from './polls.ts'
import { burstBench, relayBench } from './relay.ts'
import { eventsBench, idleBench } from './rows.ts'
import { variationsBench } from './variations.ts'
import { forgedBench, ingestBench, latencyBench, rowsBench } from './webhooks.ts'

/** The registry: a new bench is a file beside this one and a line here. */
export const BENCHES: readonly Bench[] = [
	pollsBench,
	idleBench,
	customersBench,
	variationsBench,
	changedBench,
	deletedBench,
	fairnessBench,
	baselineBench,
	eventsBench,
	logBench,
	hubBench,
	apiBench,
	pagesBench,
	ingestBench,
	forgedBench,
	latencyBench,
	rowsBench,
	burstBench,
	relayBench,
	deliveryBench,
	costBench,
	isolationBench,
	demoBench,
]
