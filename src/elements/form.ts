/** What an element's forms are drawn from: its configuration keys, and the collections that can be watched. */

/** One configuration key of an element (docs/contract.md §2, §3). */
export interface ConfigurationKey {
	id: number
	key: string
	name: string
	description: string
	type: 'TEXTFIELD_32' | 'TEXTFIELD_128' | 'TEXTFIELD_1000' | 'PASSWORD' | 'TEXTAREA' | 'BOOLEAN' | 'SELECT' | 'NUMBER'
	required: boolean
	defaultValue: string | null
	/** Masked in every answer. */
	secret: boolean
	/** Of a SELECT: what it can be. */
	options: { value: string; name: string }[] | null
	/** Of a NUMBER: its bounds; null: it has none, or `interval` sets them. */
	minimum: number | null
	maximum: number | null
	/** Of a text: its most characters. */
	maximumLength: number | null
	/** A time in this unit whose least is the operator's to say; 0 turns it off where `minimum` is 0. */
	interval: 'minutes' | 'hours' | null
	/** It has a meaning only while each of these keys has one of these values. */
	dependsOn: { key: string; values: string[] }[]
}

/** How a configuration key is described; what is absent has its default. */
export type ConfigurationForm = Pick<ConfigurationKey, 'key' | 'name' | 'description' | 'type'> &
	Partial<Omit<ConfigurationKey, 'id'>>

/** A collection that can be watched: what a form offers for the poller configuration. */
export interface PollableCollection {
	/** Its label there, which becomes `objectType`. */
	name: string
	/** For people. */
	title: string
	/** Watched where the configuration does not say what is. */
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
