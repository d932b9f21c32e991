/** Schemas of monitoring: health, poller, held deletions, webhooks, coverage. */
import * as z from 'zod'
import type {
	CoverageReport,
	HealthReport,
	AnswerFinding,
	NoiseReport,
	ResourceLimit,
	PollerReport,
	PollerResourceReport,
	UncheckedReport,
	WebhooksReport,
} from '../../rpc/watcher.ts'
import { INSTANCE_STATES } from '../../rpc/watcher.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { TIME_FORMATS } from '../http/times.ts'
import {
	CHECKED_DELETIONS,
	COVERAGE,
	HEALTH,
	LIMIT,
	ANSWER_FINDING,
	HELD_CHANGES,
	HELD_DELETIONS,
	NOISE,
	POLL_RUN,
	POLLER,
	POLLER_RESOURCE,
	REJECTED,
	UNCHECKED,
	WEBHOOK_SECRETS,
	WEBHOOKS,
} from './examples.ts'

const Moment = z.string().meta({ examples: ['2026-06-01T12:00:00.000Z'] })
const State = z.enum(INSTANCE_STATES)

const NoiseResponse = z
	.strictObject({
		path: z.string(),
		proof: z.enum(['provisional', 'proven']).meta({
			description:
				'`provisional`: one round of reads showed it. `proven`: another one, at least an hour later, did too',
		}),
		since: Moment,
		provenAt: Moment.nullable().meta({ description: 'When it was proven or last renewed; null: it is provisional' }),
		nextProof: Moment.meta({ description: 'When reads confirm or renew it. It counts again if they agree' }),
		counts: z.enum(['url', 'nothing']).meta({
			description: 'What of it still counts as a change. `url`: the URLs in it, without their query',
		}),
		example: z
			.strictObject({ objectId: z.string(), values: z.array(z.string()) })
			.nullable()
			.meta({
				description:
					'What two reads of one object showed. `<1>` and `<2>` stand for values that are not shown. null: not known',
			}),
		cure: z.string().meta({ description: 'What to do at the store' }),
	})
	.meta({ id: 'Noise', examples: [NOISE] }) satisfies z.ZodType<NoiseReport>

const LimitResponse = z
	.strictObject({
		code: z.string().meta({ description: 'Such as `dates-unreadable`' }),
		message: z.string().meta({ description: 'What the store does, and what happens instead' }),
		since: Moment,
	})
	.meta({ id: 'Limit', examples: [LIMIT] }) satisfies z.ZodType<ResourceLimit>

const FindingResponse = z
	.strictObject({
		kind: z.string().meta({ description: 'Such as `short-page` or `out-of-order`' }),
		count: z.number(),
		since: Moment.meta({ description: 'Since when it is seen, without a pause of a day' }),
		last: Moment,
		example: z.string().meta({ description: 'What was found last' }),
	})
	.meta({ id: 'AnswerFinding', examples: [ANSWER_FINDING] }) satisfies z.ZodType<AnswerFinding>

/** `GET …/health`. */
export const HealthResponse = z
	.strictObject({
		state: State.meta({ description: 'The worst state of all parts' }),
		since: Moment,
		reason: z.string().meta({ description: 'Why it is in this state' }),
		action: z.string().meta({ description: 'The next step' }),
		store: z
			.strictObject({
				cause: z
					.string()
					.nullable()
					.meta({ description: 'Such as `maintenance`, `rest-closed`, `no-woocommerce`, `plain-permalinks`, `key`' }),
				reason: z.string(),
				since: Moment.nullable(),
				tries: z.number().meta({ description: 'Failed tries in a row' }),
				lastTry: Moment.nullable(),
				nextTry: Moment.nullable(),
			})
			.nullable()
			.meta({ description: 'What fails at the store, and when it is tried again; null: the store answers' }),
		resources: z.array(
			z.strictObject({
				resource: z.string(),
				state: State,
				reason: z.string(),
				noise: z.array(NoiseResponse).meta({
					description: 'Paths that differ between reads of the same object, as in the poller',
				}),
				limits: z.array(LimitResponse).meta({
					description: 'What cannot be read as usual because of how the store answers; the state stays as it is',
				}),
			}),
		),
		webhooks: z
			.strictObject({
				state: z.string(),
				reason: z.string(),
				checkedAt: Moment.nullable().meta({ description: 'When the webhooks at the store were last read' }),
			})
			.nullable()
			.meta({ description: 'null: the instance uses none' }),
		callback: z.strictObject({
			url: z.string().nullable().meta({ description: 'Query values are `********` for callers who see no secrets' }),
			state: z.enum(['none', 'healthy', 'failing', 'deactivated']),
			lastStatus: z.string().nullable(),
			waiting: z.number().meta({ description: 'Events waiting to be sent' }),
		}),
	})
	.meta({ id: 'Health', examples: [HEALTH] }) satisfies z.ZodType<HealthReport>

const PollerResourceResponse = z
	.strictObject({
		resource: z.string(),
		identity: z
			.string()
			.meta({ description: 'Collection and filter, which identify the resource if its label changes' }),
		cursor: Moment.nullable().meta({ description: "Changes up to this time, by the store's clock, are detected" }),
		lastPoll: Moment.nullable(),
		nextPoll: Moment.nullable(),
		requests: z.number(),
		known: z.number().meta({ description: 'Number of known objects' }),
		lagSeconds: z
			.number()
			.nullable()
			.meta({ description: "From the newest change's date at the store to its recording; null: unknown, or none yet" }),
		unknownLags: z.number().meta({
			description: 'Changes whose time is unknown, because the store gave them no date, or an old or future one',
		}),
		baseline: z.strictObject({
			done: z.number(),
			total: z.number(),
			complete: z.boolean(),
			estimateSeconds: z.number().nullable(),
		}),
		reread: z.strictObject({
			everyHours: z.number(),
			done: z.number(),
			total: z.number(),
			running: z.boolean(),
			last: Moment.nullable(),
			next: Moment.nullable(),
			worstAgeSeconds: z
				.number()
				.nullable()
				.meta({ description: 'Time since the object that was read longest ago was read' }),
		}),
		drift: z
			.number()
			.meta({ description: 'Known difference between the store’s total and the number of known objects' }),
		volatile: z.array(z.string()).meta({
			description:
				'Paths that differ between reads of the same object, as proven by reads, and do not count as a change',
		}),
		massChanges: z
			.array(
				z.strictObject({
					at: Moment,
					fields: z.array(z.string()).meta({ description: 'The fields that changed in each of them' }),
					objects: z.number(),
				}),
			)
			.meta({ description: 'The mass changes that the last re-read with any has found' }),
		heldChanges: z.number().meta({ description: 'Objects with a mass change that is held until you decide' }),
		variations: z
			.strictObject({
				products: z.number().meta({ description: 'Products that have variations' }),
				indexed: z.number().meta({ description: 'Those of them whose variations are known' }),
				variations: z.number().meta({ description: 'Known variations' }),
				pending: z.number().meta({ description: 'Products whose variations are still to be read' }),
				requestsAnHour: z
					.number()
					.nullable()
					.meta({
						description:
							'At most so many requests an hour read one product after another, because the shop has no list of all ' +
							'variations; null: it has one',
					}),
				oldestReadAt: Moment.nullable().meta({
					description: 'Changes before this moment that moved no date of a product have been found; null: none yet',
				}),
				noise: z
					.array(z.string())
					.meta({ description: 'Paths of variations that differ between reads and do not count as a change' }),
			})
			.optional()
			.meta({ description: 'With `event.poller.variations` `parent`: the variations of this resource' }),
		datesUnreadable: z.string().nullable().meta({ description: 'Example of a date that could not be parsed' }),
		error: z.strictObject({ at: Moment, message: z.string() }).nullable(),
		noise: z
			.array(NoiseResponse)
			.meta({ description: 'The paths of `volatile`, with the proof, an example and the cure' }),
		limits: z.array(LimitResponse).meta({ description: 'As in health' }),
		findings: z.array(FindingResponse).meta({
			description: "How the store's lists differed from what was asked for, by kind; healthy stores show some too",
		}),
	})
	.meta({ id: 'PollerResource', examples: [POLLER_RESOURCE] }) satisfies z.ZodType<PollerResourceReport>

/** `GET …/poller`. */
export const PollerResponse = z
	.strictObject({
		running: z.boolean(),
		pending: z.number().meta({ description: 'Objects waiting to be read by id' }),
		nextLookup: Moment.nullable(),
		lastRun: Moment.nullable(),
		nextRun: Moment.nullable(),
		storeRequests: z.number(),
		backoffUntil: Moment.nullable(),
		resources: z.array(PollerResourceResponse),
		runs: z
			.array(z.strictObject({ at: Moment, requests: z.number(), events: z.number(), note: z.string() }))
			.meta({ description: 'The newest runs that found an event or failed' }),
	})
	.meta({ id: 'Poller', examples: [POLLER] }) satisfies z.ZodType<PollerReport>

/** `PUT …/poll`. */
export const PollBody = z.looseObject({
	depth: z
		.enum(['window', 'reread'], 'expected window or reread')
		.default('window')
		.meta({ description: '`window`: changes since the last poll. `reread`: all objects' }),
})

/** A poll. */
export const PollRunResponse = z
	.strictObject({
		run: z.string(),
		depth: z.string(),
		state: z.string().meta({
			description: '`started`; `queued`: another run is under way; `waiting`: until `notBefore`; `paused`',
		}),
		notBefore: Moment.nullable().meta({
			description: 'The poll starts then, because the store failed and a request ended the back-off a moment ago',
		}),
	})
	.meta({ id: 'PollRun', examples: [POLL_RUN] })

/** `GET …/deletions`. */
export const HeldDeletionsResponse = z
	.strictObject({
		held: z.array(
			z.strictObject({
				resource: z.string(),
				since: Moment,
				objects: z
					.array(z.strictObject({ objectId: z.string(), lastSeen: Moment.nullable() }))
					.meta({ description: 'At most 1,000' }),
				count: z.number(),
			}),
		),
	})
	.meta({ id: 'HeldDeletions', examples: [HELD_DELETIONS] })

/** `POST …/deletions/check`. */
export const CheckedDeletionsResponse = z
	.strictObject({
		checked: z.array(
			z.strictObject({
				resource: z.string(),
				count: z.number().meta({ description: 'Held deletions' }),
				objects: z
					.array(
						z.strictObject({
							objectId: z.string(),
							state: z.enum(['missing', 'trashed', 'exists', 'unknown']).meta({
								description: 'What the store answers now. `unknown`: it did not answer with this object',
							}),
							reason: z.string().nullable().meta({ description: 'Why it is unknown' }),
						}),
					)
					.meta({ description: 'The first 10 of the list' }),
			}),
		),
	})
	.meta({ id: 'CheckedDeletions', examples: [CHECKED_DELETIONS] })

/** `GET …/mass-changes`. */
export const HeldChangesResponse = z
	.strictObject({
		held: z.array(
			z.strictObject({
				resource: z.string(),
				since: Moment,
				fields: z.array(z.string()).meta({ description: 'Fields that changed in any of the objects' }),
				objects: z
					.array(z.strictObject({ objectId: z.string(), changedFields: z.array(z.string()) }))
					.meta({ description: 'At most 1,000' }),
				count: z.number(),
			}),
		),
	})
	.meta({ id: 'HeldMassChanges', examples: [HELD_CHANGES] })

/** `PUT …/mass-changes`. */
export const MassChangeDecisionBody = z.looseObject({
	decision: z.enum(['emit', 'forget'], 'expected emit or forget').meta({
		description: '`emit`: send an UPDATED event for each object. `forget`: send none',
		examples: ['emit'],
	}),
})

/** `PUT …/deletions`. */
export const DecisionBody = z.looseObject({
	decision: z
		.enum(['emit', 'forget'], 'expected emit or forget')
		.meta({ description: '`emit`: send a DELETED event for each. `forget`: discard them', examples: ['emit'] }),
})

/** The response. */
export const DecisionResponse = z
	.strictObject({ decided: z.number().meta({ description: 'Number of objects' }) })
	.meta({ id: 'Decision', examples: [{ decided: 57 }] })

const SECRET_VERSION_FIELDS = {
	deliveryUrl: z
		.string()
		.nullable()
		.meta({ description: 'URL that the store delivers to; null: the instance uses no webhooks' }),
	version: z.number().meta({ description: 'Version of the secrets' }),
	previousUntil: z.string().nullable().meta({ description: 'Until when the previous secrets are also accepted' }),
	pending: z.enum(['ensure', 'pause', 'remove']).nullable().meta({ description: 'Pending task at the store' }),
}

/** `GET …/webhooks`. */
export const WebhooksResponse = z
	.strictObject({
		...SECRET_VERSION_FIELDS,
		topics: z
			.array(z.strictObject({ topic: z.string(), secret: z.string(), resources: z.array(z.string()) }))
			.meta({ description: 'For webhooks that you create by hand' }),
		webhooks: z
			.array(
				z.strictObject({
					topic: z.string(),
					id: z.number().nullable(),
					status: z.string(),
					ours: z.boolean(),
					url: z.string(),
				}),
			)
			.meta({ description: 'Webhooks at the store, as last read' }),
		checkedAt: Moment.nullable(),
		lastDeliveryAt: Moment.nullable(),
		foreignSource: z.string().nullable().meta({ description: 'Another site that delivers to this URL' }),
		hintsOnly: z
			.array(z.string())
			.meta({ description: 'Resources whose webhook payloads differ from the store’s API' }),
		deliveries: z.strictObject({ taken: z.number(), disabled: z.number(), unknownTopic: z.number() }),
		repairs: z.array(z.strictObject({ at: Moment, what: z.string() })),
		degraded: z.string().nullable().meta({ description: 'Why webhooks are currently unreliable' }),
	})
	.meta({ id: 'Webhooks', examples: [WEBHOOKS] }) satisfies z.ZodType<WebhooksReport>

/** `GET …/unchecked`. */
export const UncheckedObjectsResponse = z
	.strictObject({
		unchecked: z.array(
			z.strictObject({
				resource: z.string(),
				since: Moment.meta({ description: 'Changes of the fields before this time are not known' }),
				fields: z.array(z.string()),
				count: z.number().meta({ description: 'Number of objects' }),
				sending: z.boolean().meta({ description: 'It is decided: an UPDATED event is being sent for each' }),
			}),
		),
	})
	.meta({ id: 'UncheckedObjects', examples: [UNCHECKED] }) satisfies z.ZodType<UncheckedReport>

/** `PUT …/unchecked`. */
export const UncheckedDecisionBody = z.looseObject({
	decision: z
		.enum(['emit', 'forget'], 'expected emit or forget')
		.meta({ description: '`emit`: send an UPDATED event for each. `forget`: send none', examples: ['emit'] }),
})

/** `POST …/webhooks/rotate`. */
export const WebhookSecretsResponse = z
	.strictObject(SECRET_VERSION_FIELDS)
	.meta({ id: 'WebhookSecrets', examples: [WEBHOOK_SECRETS] })

/** `GET …/webhooks/rejected`. */
export const RejectedDeliveriesResponse = z
	.strictObject({
		since: z.string().nullable(),
		total: z.number(),
		counts: z.record(z.string(), z.number()).meta({ description: 'By reason', examples: [{ 'bad-signature': 3 }] }),
		samples: z.array(z.strictObject({ at: z.string(), reason: z.string(), headers: z.string(), body: z.string() })),
	})
	.meta({ id: 'RejectedDeliveries', examples: [REJECTED] })

const Time = z.string().max(LIMITS.time.value, expectedAtMost('time')).optional()

/** `GET …/coverage`: its query. */
export const CoverageQuery = z.object({
	from: Time.meta({
		description: `Start, inclusive. ${TIME_FORMATS}. A day before \`to\` by default`,
		examples: ['2026-05-31T12:00:00Z'],
	}),
	to: Time.meta({ description: 'End, inclusive. Now by default', examples: ['2026-06-01T12:00:00Z'] }),
})

const Lag = z.strictObject({
	p50: z.number().nullable(),
	p99: z.number().nullable(),
	unknown: z.number().meta({ description: 'Changes whose time is unknown; they are not in the percentiles' }),
})

/** `GET …/coverage`. */
export const CoverageResponse = z
	.strictObject({
		from: z.string(),
		to: z.string(),
		firstByWebhook: z.number(),
		firstByPoll: z.number(),
		confirmed: z.number().meta({ description: 'Detected by the other source too' }),
		recovered: z.number().meta({ description: 'Detected by a poll because the webhook never arrived' }),
		lag: z
			.strictObject({ webhook: Lag, poll: Lag, recovered: Lag })
			.meta({ description: "Milliseconds from the change's date at the store to its recording" }),
	})
	.meta({ id: 'Coverage', examples: [COVERAGE] }) satisfies z.ZodType<CoverageReport>
