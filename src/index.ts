/** Table of contents of the Worker. */
export { Watcher } from './watcher/watcher.ts'

export default {
	async fetch(): Promise<Response> {
		return new Response('not yet', { status: 503 })
	},
}
