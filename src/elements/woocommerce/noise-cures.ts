/** What ends noise at the store, as `/poller` and health say it to people. */

/** What differs between reads of one object: a URL's query, another part of a URL, or any other value. */
type NoiseKind = 'query' | 'address' | 'value'

/** The cure of a path that differs between reads of one object. `kind` null: not known. */
export function toNoiseCure(path: string, kind: NoiseKind | null): string {
	const ignore = `add "${path}" to the resource's ignore in event.poller.configuration.`
	return `${toStoreCure(path, kind)} Or ${ignore}`
}

function toStoreCure(path: string, kind: NoiseKind | null): string {
	if (kind === 'query')
		return (
			'A plugin signs these addresses anew for every answer, as plugins for media in a cloud storage do. In its ' +
			'settings, give the addresses a longer validity, or do not sign public files.'
		)
	if (kind === 'address')
		return (
			'A plugin gives these addresses another form in every answer, as plugins for a CDN with several hosts do. In ' +
			'its settings, choose one host for media, or do not sign public files.'
		)
	const key = /(?:^|\.)meta_data\.(.+)$/s.exec(path)?.[1]
	if (key !== undefined)
		return (
			`A plugin gives the meta "${key}" another value in every answer. Ask its author to leave it out of the REST ` +
			'API.'
		)
	return (
		`The store computes ${path} anew for every answer, as plugins for dynamic prices and caches do. Exclude ` +
		'/wp-json/ from the plugin or the cache.'
	)
}
