/** Lays out what browsers load, and the list of its URLs (`#assets`). */
export function layOutAssets(): Promise<void>
