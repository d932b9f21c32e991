/** The calls about all instances together (docs/contract.md §12). */
import * as z from 'zod'
import { defineOperation } from '../http/contract.ts'
import { InstanceStateResponse, InstanceStatesQuery, OverviewResponse } from './overview-schema.ts'

/** Mounted before `/instances/{id}`. */
export const overviewOperations = {
	getOverview: defineOperation({
		method: 'get',
		path: '/instances/overview',
		tag: 'Instances',
		summary: 'Get the overview of all instances',
		description:
			'Returns what needs attention, and what happened in the last 24 hours: changes, deliveries, what waits, and what ' +
			'was recovered by polling.',
		access: 'account',
		answer: OverviewResponse,
	}),
	listInstanceStates: defineOperation({
		method: 'get',
		path: '/instances/states',
		tag: 'Instances',
		summary: 'List states of instances',
		description:
			'Returns the state, changes by hour and lag of each instance, as last reported. Without matches, `[]`. For the ' +
			'present state of one instance, see its `/health`.',
		access: 'account',
		query: InstanceStatesQuery,
		answer: z.array(InstanceStateResponse),
	}),
}
