/** Icons of Lucide, drawn into the page. */
import { raw } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import arrowLeft from 'lucide/dist/esm/icons/arrow-left.mjs'
import bookOpen from 'lucide/dist/esm/icons/book-open.mjs'
import check from 'lucide/dist/esm/icons/check.mjs'
import chevronsUpDown from 'lucide/dist/esm/icons/chevrons-up-down.mjs'
import circleAlert from 'lucide/dist/esm/icons/circle-alert.mjs'
import circleCheck from 'lucide/dist/esm/icons/circle-check.mjs'
import circleUser from 'lucide/dist/esm/icons/circle-user.mjs'
import codeXml from 'lucide/dist/esm/icons/code-xml.mjs'
import ellipsis from 'lucide/dist/esm/icons/ellipsis.mjs'
import externalLink from 'lucide/dist/esm/icons/external-link.mjs'
import eye from 'lucide/dist/esm/icons/eye.mjs'
import house from 'lucide/dist/esm/icons/house.mjs'
import inbox from 'lucide/dist/esm/icons/inbox.mjs'
import info from 'lucide/dist/esm/icons/info.mjs'
import keyRound from 'lucide/dist/esm/icons/key-round.mjs'
import logIn from 'lucide/dist/esm/icons/log-in.mjs'
import logOut from 'lucide/dist/esm/icons/log-out.mjs'
import pause from 'lucide/dist/esm/icons/pause.mjs'
import pencil from 'lucide/dist/esm/icons/pencil.mjs'
import play from 'lucide/dist/esm/icons/play.mjs'
import plus from 'lucide/dist/esm/icons/plus.mjs'
import radio from 'lucide/dist/esm/icons/radio.mjs'
import refreshCw from 'lucide/dist/esm/icons/refresh-cw.mjs'
import search from 'lucide/dist/esm/icons/search.mjs'
import send from 'lucide/dist/esm/icons/send.mjs'
import store from 'lucide/dist/esm/icons/store.mjs'
import trash from 'lucide/dist/esm/icons/trash.mjs'
import triangleAlert from 'lucide/dist/esm/icons/triangle-alert.mjs'

const ICONS = {
	'arrow-left': arrowLeft,
	'book-open': bookOpen,
	check,
	'chevrons-up-down': chevronsUpDown,
	'circle-alert': circleAlert,
	'circle-check': circleCheck,
	'circle-user': circleUser,
	'code-xml': codeXml,
	ellipsis,
	'external-link': externalLink,
	eye,
	house,
	inbox,
	info,
	'key-round': keyRound,
	'log-in': logIn,
	'log-out': logOut,
	pause,
	pencil,
	play,
	plus,
	radio,
	'refresh-cw': refreshCw,
	search,
	send,
	store,
	trash,
	'triangle-alert': triangleAlert,
} as const

/** Names of all icons. */
export const ICON_NAMES = Object.keys(ICONS) as IconName[]

/** An icon, by Lucide's name. */
export type IconName = keyof typeof ICONS

/** The markup of icons that were drawn: every page has a dozen of them. */
const drawn = new Map<IconName, HtmlEscapedString>()

/** An icon of 16 pixels in the text’s colour. Screen readers skip it: its meaning is written beside it. */
export function Icon({ name }: { name: IconName }) {
	const known = drawn.get(name) ?? raw(String(<Drawing name={name} />))
	drawn.set(name, known)
	return known
}

function Drawing({ name }: { name: IconName }) {
	return (
		<svg class='icon' viewBox='0 0 24 24' aria-hidden='true'>
			{ICONS[name].map(([tag, attributes]) => {
				const Shape = tag as 'path'
				return <Shape {...attributes} />
			})}
		</svg>
	)
}
