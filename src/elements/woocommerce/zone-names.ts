/** Time zones by the names that dates contain, such as `GMT`, `EST` or `Pacific Standard Time`. Pure. */
import { normalizeZone } from './zones.ts'

/** Minutes east of UTC. A name that several zones share and RFC 5322 does not settle is not listed. */
const ABBREVIATIONS: Readonly<Record<string, number>> = {
	UTC: 0,
	GMT: 0,
	UT: 0,
	Z: 0,
	WET: 0,
	WEST: 60,
	BST: 60,
	CET: 60,
	MET: 60,
	CEST: 120,
	MEST: 120,
	EET: 120,
	SAST: 120,
	EEST: 180,
	MSK: 180,
	SGT: 480,
	HKT: 480,
	AWST: 480,
	JST: 540,
	KST: 540,
	ACST: 570,
	AEST: 600,
	ACDT: 630,
	AEDT: 660,
	NZST: 720,
	NZDT: 780,
	EDT: -240,
	EST: -300,
	CDT: -300,
	CST: -360,
	MDT: -360,
	MST: -420,
	PDT: -420,
	PST: -480,
	AKDT: -480,
	AKST: -540,
	HST: -600,
	BRT: -180,
	ART: -180,
}

/** What `IST` is short for, by the zone of the shop. */
const IST_ZONES: Readonly<Record<string, number>> = {
	'Asia/Kolkata': 330,
	'Asia/Calcutta': 330,
	'Asia/Jerusalem': 120,
	'Europe/Dublin': 60,
}

/** Long names whose initials are not their short names. */
const LONG_NAMES: Readonly<Record<string, number>> = {
	'coordinated universal time': 0,
	'india standard time': 330,
	'alaska standard time': -540,
	'alaska daylight time': -480,
	'hawaii-aleutian standard time': -600,
	'china standard time': 480,
	'central european standard time': 60,
	'eastern european standard time': 120,
	'western european standard time': 0,
}

/**
 * The zone that a date names: an offset, or an IANA name. Null: not known. `zone`: the configured one, which decides
 * between zones with the same short name.
 */
export function findNamedZone(name: string, zone: string): string | null {
	const text = name.trim().replace(/\s+/g, ' ')
	const minutes = findMinutes(text, zone)
	if (minutes !== null) return toOffsetText(minutes)
	// The runtime takes some short names for one of the zones that share them.
	return /[/\d]/.test(text) ? normalizeZone(text) : null
}

function findMinutes(text: string, zone: string): number | null {
	const long = LONG_NAMES[text.toLowerCase()]
	if (long !== undefined) return long
	const short = (/ time$/i.test(text) ? text.replace(/(\w)\w*\s*/g, '$1') : text).toUpperCase()
	return short === 'IST' ? (IST_ZONES[zone] ?? null) : (ABBREVIATIONS[short] ?? null)
}

function toOffsetText(minutes: number): string {
	if (minutes === 0) return 'UTC'
	const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
	return `${minutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`
}
