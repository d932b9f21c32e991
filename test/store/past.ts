/** What objects were, so that a replica which is behind can be asked. */
import { Table } from './table.ts'
import type { Entity } from './table.ts'
import type { Resource } from './types.ts'

interface Moment {
	resource: Resource
	id: number
	/** Epoch milliseconds. */
	time: number
	/** Null: it was deleted. */
	entity: Entity | null
}

function copy(entity: Entity): Entity {
	return { ...entity, record: entity.record && structuredClone(entity.record) }
}

/** Every state of every object since the moment that this was made. */
export class Past {
	readonly #moments: Moment[] = []
	readonly #resources: Resource[]
	#last: { moments: number; tables: Record<Resource, Table> } | null = null

	constructor(tables: Readonly<Record<Resource, Table>>) {
		this.#resources = Object.keys(tables) as Resource[]
		for (const resource of this.#resources)
			for (const entity of tables[resource].values())
				this.#moments.push({ resource, id: entity.id, time: Number.NEGATIVE_INFINITY, entity: copy(entity) })
	}

	/** An object is another one now, or gone. */
	note(resource: Resource, entity: Entity, time: number, gone: boolean): void {
		this.#moments.push({ resource, id: entity.id, time, entity: gone ? null : copy(entity) })
	}

	/** All tables as they were at that time; before the beginning they are those of the beginning. */
	tablesAt(time: number): Record<Resource, Table> {
		const moments = this.#moments.filter((moment) => moment.time <= time)
		if (this.#last?.moments === moments.length) return this.#last.tables
		const newest = new Map(moments.map((moment) => [`${moment.resource}/${moment.id}`, moment]))
		const tables = Object.fromEntries(this.#resources.map((resource) => [resource, new Table()])) as Record<
			Resource,
			Table
		>
		for (const { resource, entity } of newest.values()) if (entity !== null) tables[resource].add(copy(entity))
		this.#last = { moments: moments.length, tables }
		return tables
	}
}
