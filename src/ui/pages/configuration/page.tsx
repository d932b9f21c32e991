/** The tab *Configuration*: the form of an instance as in connect, all of it. */
import { DEFAULT_GRACE_SECONDS } from '../../../instances/signature.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { CopyValue, KeyValues } from '../../parts/code.tsx'
import { Check } from '../../parts/field.tsx'
import { Form } from '../../parts/form.tsx'
import { formatCount } from '../../parts/text.ts'
import { Time } from '../../parts/time.tsx'
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { operations } from '../../../api/operations.ts'
import { EventsFields } from '../connect/events-step.tsx'
import { HiddenPart } from '../connect/form.tsx'
import { TagsField } from '../connect/page.tsx'
import { PollingFields } from '../connect/polling-step.tsx'
import { StoreFields } from '../connect/store-step.tsx'
import { SIGNATURE, type FormView } from '../connect/view.ts'
import type { Instance } from '../instance/data.ts'

/** How long both keys sign: a rotation of this page has the default time. */
const GRACE = formatCount(DEFAULT_GRACE_SECONDS / 3600, 'hour')

export type SignatureKey = OperationResponse<(typeof operations)['rotateSignatureKey']>

interface ConfigurationFormProps {
	view: FormView
	csrf: string
	/** The store's address is another site's: the form asks whether it may be. */
	moved: boolean
	oob?: boolean
}

/** The form. */
export function ConfigurationForm({ view, csrf, moved, oob = false }: ConfigurationFormProps) {
	return (
		<div id='connect' class='connect' hx-swap-oob={oob ? 'outerMorph' : undefined}>
			<Form csrf={csrf} action={view.action} target='#connect' swap='none' problems={view.problems}>
				<HiddenPart view={view} />
				<Card title='Store' id='store'>
					<StoreFields view={view} />
					{moved ? (
						<Check
							name='rebaseline'
							label='This is another site: forget what is known of the old one and index the new one, without events'
						/>
					) : null}
				</Card>
				<Card title='Events' id='events'>
					<EventsFields view={view} />
				</Card>
				<Card title='Configure Polling' id='polling'>
					<PollingFields view={view} />
				</Card>
				<Card id='labels'>
					<TagsField view={view} />
				</Card>
				<div class='actions save'>
					<Button kind='primary' name='do' value='save'>
						Save changes
					</Button>
				</div>
			</Form>
		</div>
	)
}

/** The signature key: rotated without a gap, so that receivers can follow. The keys stay hidden. */
export function SignatureCard({
	view,
	csrf,
	rotatesUntil,
	shown,
	error = null,
}: {
	view: FormView
	csrf: string
	/** ISO 8601; null: no rotation is in progress. */
	rotatesUntil: string | null
	/** The keys after a rotation; null: they are not shown. */
	shown: SignatureKey | null
	error?: string | null
}) {
	if (!view.storedKeys.includes(SIGNATURE)) return <div id='signature' />
	return (
		<section class='card connect' id='signature'>
			<header>
				<h2>Callback Notification Signature Key</h2>
			</header>
			<div class='body'>
				{rotatesUntil === null ? (
					<p>
						Notifications are signed. When you rotate the key, the old and the new one both sign for {GRACE}, so that
						your receiver can change without rejecting any.
					</p>
				) : (
					<p>
						A rotation is in progress. The new key signs alone <Time at={rotatesUntil} now={view.now} />; until then the
						old and the new one both sign.
					</p>
				)}
				{shown === null ? null : <ShownKey shown={shown} />}
				<Form csrf={csrf} action={`${view.action}/signature`} target='#signature' message={error}>
					<div class='actions after'>
						{rotatesUntil === null ? (
							<Button name='do' value='rotate' icon='refresh-cw'>
								Rotate the key
							</Button>
						) : (
							<Button name='do' value='end'>
								End the rotation
							</Button>
						)}
					</div>
				</Form>
			</div>
		</section>
	)
}

function ShownKey({ shown: { key, next } }: { shown: SignatureKey }) {
	const current = next?.key ?? key
	if (current === null) return null
	return <KeyValues entries={[[next === null ? 'Key' : 'New key', <CopyValue value={current} label='the key' />]]} />
}

/** Reading everything again, which finds what dates do not show. */
export function RereadCard({ id, csrf }: { id: number; csrf: string }) {
	return (
		<section class='card connect' id='reread'>
			<header>
				<h2>Read everything again</h2>
			</header>
			<div class='body'>
				<p>
					Shopbell reads every object of the store once and compares it with what it knows. Differences become events.
					Nothing is sent twice.
				</p>
				<Form csrf={csrf} action={`/instances/${id}/configuration/reread`}>
					<div class='actions after'>
						<Button icon='refresh-cw'>Read everything again</Button>
					</div>
				</Form>
			</div>
		</section>
	)
}

/** The configuration for those who may not change it. */
export function ShownConfiguration({ instance }: { instance: Instance }) {
	const entries = Object.entries(instance.configuration ?? {}).filter(([, value]) => value !== null && value !== '')
	return (
		<Card title='Configuration' plain>
			<KeyValues wide entries={entries.map(([key, value]) => [key, value])} />
		</Card>
	)
}
