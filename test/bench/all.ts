/** Every bench there is, in the order of the table. */
import { api } from './api.ts'
import { baseline } from './baseline.ts'
import type { Bench } from './bench.ts'
import { changed, deleted } from './changes.ts'
import { cost } from './cost.ts'
import { delivery } from './delivery.ts'
import { isolation } from './isolation.ts'
import { log } from './log.ts'
import { customers, polls } from './polls.ts'
import { events, idle } from './rows.ts'
import { forged, ingest, ring, taken } from './webhooks.ts'

/** The registry: a new bench is a file beside this one and a line here. */
export const BENCHES: readonly Bench[] = [
	polls,
	idle,
	customers,
	changed,
	deleted,
	baseline,
	events,
	log,
	api,
	ingest,
	forged,
	ring,
	taken,
	delivery,
	cost,
	isolation,
]
