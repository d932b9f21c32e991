/**
 * The walls between the rooms of src (`npm run walls`): a file imports from its own room and from lower floors, never upwards, and never in a
 * cycle. Imports of types count.
 */

/** The floors, lowest first. Rooms on one floor do not import from each other. A name that ends in `/*` means the files of that folder alone. */
const FLOORS = [
	['lib'],
	['elements'],
	['events'],
	['rpc'],
	['context.ts'],
	['delivery'],
	['accounts'],
	['instances'],
	['watcher/core'],
	['watcher/log'],
	['watcher/outbox'],
	['watcher/source'],
	['watcher/changes'],
	['watcher/polling'],
	['watcher/webhooks'],
	['watcher/queries'],
	['watcher/*'],
	['api/http'],
	['api/accounts', 'api/instances', 'api/events', 'api/hub', 'api/receivers', 'api/tools', 'api/backup'],
	['api/authentication', 'api/catalog', 'api/connect', 'api/metrics', 'api/notifications', 'api/service'],
	['api/replays', 'api/users'],
	['api/*'],
	['client', 'ui'],
	['app.ts'],
	['index.ts'],
]

/** The files of a room, as a pattern over paths. */
function toPattern(room) {
	if (room.endsWith('/*')) return `^src/${room.slice(0, -1)}[^/]+$`
	return room.endsWith('.ts') ? `^src/${room.replace('.', '[.]')}$` : `^src/${room}/`
}

const rooms = FLOORS.flatMap((floor, index) => floor.map((room) => ({ room, index })))

/** A room imports from no other room of its floor and from no higher floor. */
const arrows = rooms.flatMap(({ room, index }) => {
	const forbidden = rooms.filter((other) => other.room !== room && other.index >= index)
	return forbidden.length === 0
		? []
		: {
				name: `${room.replace('/*', '')} imports only from lower floors`,
				severity: 'error',
				from: { path: toPattern(room) },
				to: { path: forbidden.map((other) => toPattern(other.room)) },
			}
})

const allRooms = rooms.map(({ room }) => toPattern(room))

export default {
	forbidden: [
		...arrows,
		{
			name: 'pages read and change things by operations alone',
			comment: 'Of the files that are left out, pages use constants, types and pure functions.',
			severity: 'error',
			from: { path: '^src/ui/(?:pages|parts|kit|guide|reference)/' },
			to: {
				path: '^src/(?:accounts|instances|watcher|delivery|context)',
				pathNot: '^src/(?:accounts/(?:passwords|secrets|sessions|roles)|instances/(?:overview|signature|stores))[.]ts$',
			},
		},
		{ name: 'no cycle', severity: 'error', from: {}, to: { circular: true } },
		{ name: 'every file has a room', severity: 'error', from: { path: '^src/', pathNot: allRooms }, to: {} },
		{ name: 'every import has a room', severity: 'error', from: {}, to: { path: '^src/', pathNot: allRooms } },
		{
			name: 'production code stands alone',
			severity: 'error',
			from: { path: '^src/' },
			to: { path: '^(?:test|scripts)/' },
		},
		{
			name: 'what runs in browsers stands alone',
			severity: 'error',
			from: { path: '^src/ui/browser/' },
			to: { pathNot: '^src/ui/browser/' },
		},
		{
			name: 'no page imports what runs in browsers',
			severity: 'error',
			from: { pathNot: '^src/ui/browser/' },
			to: { path: '^src/ui/browser/' },
		},
		{
			name: 'every import leads somewhere',
			severity: 'error',
			from: {},
			// `#assets` is generated.
			to: { couldNotResolve: true, pathNot: '^(?:cloudflare:|#assets$)' },
		},
	],
	options: {
		// TypeScript 7 has no parser for other tools.
		parser: 'swc',
		doNotFollow: { path: 'node_modules' },
		enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'default', 'types'] },
	},
}
