/** Storage as earlier versions left it. */
import { hashContent } from '../../src/watcher/changes/content.ts'
import { readIndexRows, writeIndexRow } from '../../src/watcher/changes/object-index.ts'
import { getWatchedResources } from '../../src/watcher/source/resources.ts'
import { liveIds } from './stories.ts'
import { getStoreRecord } from './webhook-stories.ts'
import type { World } from './world.ts'

/** Makes all rows those of an earlier version: content of version 1 without its list of volatile names. */
export function asEarlierVersion(world: World, volatile: string[] = []): void {
	const core = world.engine.getCore()!
	core.commit((tx) => {
		for (const { resource, state: rs } of getWatchedResources(core)) {
			const ids = liveIds(world, rs.objectType)
			for (const [id, row] of readIndexRows(core, rs.number, ids)) {
				const record = getStoreRecord(world, rs.objectType as 'products', Number(id))
				const { fields } = core.element.parseRecord(resource, record, { version: 1, paths: volatile })!
				writeIndexRow(tx, core, rs.number, id, { ...row, content: hashContent(fields), profile: 1 })
			}
			Object.assign(rs, { volatile, profiles: undefined, noise: undefined })
		}
	})
	world.evict()
}
