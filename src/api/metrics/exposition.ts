/** Metrics in Prometheus' text format (0.0.4) and OpenMetrics 1.0. Pure. */
import type * as z from 'zod'
import type { MetricsResponse } from './schema.ts'

type Metrics = z.output<typeof MetricsResponse>

interface Family {
	name: string
	type: 'gauge' | 'counter'
	help: string
	/** null: no sample of this instance. */
	value: (metrics: Metrics) => number | null
	/** Further labels. */
	labels?: (metrics: Metrics) => Record<string, string>
}

const FAMILIES: readonly Family[] = [
	{
		name: 'shopbell_up',
		type: 'gauge',
		help: 'Whether the instance responded.',
		value: ({ up }) => Number(up),
	},
	{
		name: 'shopbell_state',
		type: 'gauge',
		help: 'State of the instance, as a label; always 1.',
		value: ({ metrics }) => (metrics === null ? null : 1),
		labels: ({ metrics }) => ({ state: metrics?.state ?? '' }),
	},
	{
		name: 'shopbell_lag_seconds',
		type: 'gauge',
		help: 'Time from the newest change to its recording, of the slowest resource.',
		value: ({ metrics }) => metrics?.lagSeconds ?? null,
	},
	{
		name: 'shopbell_unknown_lags',
		type: 'counter',
		help: 'Changes whose lag is unknown.',
		value: ({ metrics }) => metrics?.unknownLags ?? null,
	},
	{
		name: 'shopbell_poll_age_seconds',
		type: 'gauge',
		help: 'Time since the last poll, of the resource that was polled longest ago.',
		value: ({ metrics }) => metrics?.pollAgeSeconds ?? null,
	},
	{ name: 'shopbell_seen', type: 'counter', help: 'Events recorded.', value: ({ metrics }) => metrics?.seen ?? null },
	{
		name: 'shopbell_delivered',
		type: 'counter',
		help: 'Notifications accepted.',
		value: ({ metrics }) => metrics?.delivered ?? null,
	},
	{
		name: 'shopbell_failed',
		type: 'counter',
		help: 'Notifications whose last attempt failed.',
		value: ({ metrics }) => metrics?.failed ?? null,
	},
	{
		name: 'shopbell_expired',
		type: 'counter',
		help: 'Events that expired undelivered.',
		value: ({ metrics }) => metrics?.expired ?? null,
	},
	{
		name: 'shopbell_backlog',
		type: 'gauge',
		help: 'Events waiting to be sent.',
		value: ({ metrics }) => metrics?.backlog ?? null,
	},
	{
		name: 'shopbell_backlog_age_seconds',
		type: 'gauge',
		help: 'Age of the oldest event waiting to be sent; 0 if there is none.',
		value: ({ metrics }) => (metrics === null ? null : (metrics.backlogAgeSeconds ?? 0)),
	},
	{
		name: 'shopbell_store_requests',
		type: 'counter',
		help: 'Requests made to the store.',
		value: ({ metrics }) => metrics?.storeRequests ?? null,
	},
]

/** The text. `total`: number of all instances, so that a scrape that only gets one page is noticed. */
export function formatMetrics(
	instances: readonly Metrics[],
	total: number,
	format: 'prometheus' | 'openmetrics',
): string {
	const lines: string[] = []
	const addFamily = (
		name: string,
		type: Family['type'],
		help: string,
		samples: [labels: string, value: number][],
	): void => {
		const sample = type === 'counter' ? `${name}_total` : name
		// OpenMetrics names a counter without the ending of its samples.
		const familyName = format === 'openmetrics' ? name : sample
		lines.push(
			`# HELP ${familyName} ${help}`,
			`# TYPE ${familyName} ${type}`,
			...samples.map(([labels, value]) => `${sample}${labels} ${value}`),
		)
	}
	for (const { name, type, help, value, labels } of FAMILIES) {
		addFamily(
			name,
			type,
			help,
			instances.flatMap((instance): [string, number][] => {
				const sampleValue = value(instance)
				return sampleValue === null
					? []
					: [
							[
								formatLabels({ instance_id: String(instance.instanceId), name: instance.name, ...labels?.(instance) }),
								sampleValue,
							],
						]
			}),
		)
	}
	addFamily('shopbell_instances', 'gauge', 'All instances, on every page.', [['', total]])
	addFamily('shopbell_instances_shown', 'gauge', 'Instances on this page.', [['', instances.length]])
	if (format === 'openmetrics') lines.push('# EOF')
	return `${lines.join('\n')}\n`
}

function formatLabels(labels: Record<string, string>): string {
	const escape = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
	return `{${Object.entries(labels)
		.map(([name, text]) => `${name}="${escape(text)}"`)
		.join(',')}}`
}
