/** Data for an element's forms: its configuration keys, and the collections that can be watched. */

/** One configuration key of an element (docs/contract.md §2, §3). */
export interface ConfigurationKey {
	id: number
	key: string
	name: string
	description: string
	type: 'TEXTFIELD_32' | 'TEXTFIELD_128' | 'TEXTFIELD_1000' | 'PASSWORD' | 'TEXTAREA' | 'BOOLEAN' | 'SELECT' | 'NUMBER'
	required: boolean
	defaultValue: string | null
	/** Masked in every response. */
	secret: boolean
	/** Options of a SELECT. */
	options: { value: string; name: string }[] | null
	/** Bounds of a NUMBER; null: none, or those of `interval`. */
	minimum: number | null
	maximum: number | null
	/** Maximum characters of a text. */
	maximumLength: number | null
	/** A duration in this unit, at least the operator's minimum; 0 turns it off if `minimum` is 0. */
	interval: 'minutes' | 'hours' | null
	/** It only applies while each of these keys has one of these values. */
	dependsOn: { key: string; values: string[] }[]
}

/** The description of a configuration key; absent fields have their defaults. */
export type ConfigurationForm = Pick<ConfigurationKey, 'key' | 'name' | 'description' | 'type'> &
	Partial<Omit<ConfigurationKey, 'id'>>

/** A collection that can be watched, for forms of the poller configuration. */
export interface PollableCollection {
	/** Its label there, which becomes `objectType`. */
	name: string
	/** Its title. */
	title: string
	/** Watched if the configuration names no resources. */
	preset: boolean
	settings: PollerResource
}

/** One resource of `event.poller.configuration` as clients send it, after parsing (docs/contract.md §3). */
export interface PollerResource {
	url: string
	idField?: string | undefined
	filterByUpdatedDate?: boolean | undefined
	filterByCurrentDate?: boolean | undefined
	createdCheckTolerance?: number | undefined
	pageSize?: number | undefined
	pollDelay?: number | undefined
	/** Paths that do not count as a change (docs/polling.md, Ignored paths). */
	ignore?: string[] | undefined
	datesConfiguration?:
		| {
				updatedDateField?: string | undefined
				updatedDateFormat?: string | undefined
				updatedDateTimezone?: string | undefined
				createdDateField?: string | undefined
				createdDateFormat?: string | undefined
				createdDateTimezone?: string | undefined
		  }
		| undefined
}
