/** Icons are imported one by one, as data, so that the bundle holds those that are used and no others. */
declare module 'lucide/dist/esm/icons/*.mjs' {
	const icon: readonly (readonly [tag: string, attributes: Readonly<Record<string, string | number>>])[]
	export default icon
}
