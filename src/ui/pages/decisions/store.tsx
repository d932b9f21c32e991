/** Pages about the store itself: a key that it refuses, and another address. */
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { instanceOperations } from '../../../api/instances/operations.ts'
import type { FieldProblem } from '../../../lib/values.ts'
import { can } from '../../http/environment.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Check, Field } from '../../parts/field.tsx'
import { findProblem, Form } from '../../parts/form.tsx'
import { Notice } from '../../parts/notice.tsx'
import { formatNumber } from '../../parts/text.ts'
import { TextWithTimes } from '../../parts/time.tsx'
import { DecisionFrame, ReadOnlyNote, type DecisionProps, type Health } from './frame.tsx'

type StoreCheck = OperationResponse<typeof instanceOperations.checkInstance>

interface StoreFormProps extends DecisionProps {
	health: Health
	storeUrl: string
	/** What a check of the typed values found; null: none was made. */
	check: StoreCheck | null
	problems: readonly FieldProblem[]
}

/** New API keys for a store. */
export function ReauthenticationPage({ health, check, problems, storeUrl, ...props }: StoreFormProps) {
	const { viewer, instance } = props
	const path = `/instances/${instance.id}/re-authentication`
	return (
		<DecisionFrame {...props} title='Update the API key' state={health.state}>
			<p>
				<TextWithTimes text={health.reason} />
			</p>
			<p>
				Nothing is lost: changes wait in the store and are picked up as soon as a key works. Create a key in WooCommerce
				under <b>Settings, Advanced, REST API</b> of {storeUrl}, with the permission <b>Read/Write</b>.{' '}
				<a class='link' href='/guide/woocommerce-key'>
					Where do I get these?
				</a>
			</p>
			{can(viewer, 'developer') ? (
				<Card title='New key'>
					<Form csrf={viewer.csrf} action={path} problems={problems}>
						<Field
							name='key'
							label='OAuth API Key'
							secret
							required
							error={findProblem(problems, 'oauth.api.key')}
							attributes={{ placeholder: 'ck_…' }}
						/>
						<Field
							name='secret'
							label='OAuth API Secret'
							secret
							required
							error={findProblem(problems, 'oauth.api.secret')}
							attributes={{ placeholder: 'cs_…' }}
						/>
						<CheckFindings check={check} />
						<div class='row-of'>
							<Button kind='primary'>Save the key</Button>
							<Button action={`${path}/check`}>Check without saving</Button>
						</div>
					</Form>
				</Card>
			) : (
				<ReadOnlyNote />
			)}
		</DecisionFrame>
	)
}

/** Another address of the store: it has moved, or webhooks come from a copy of it. */
export function SourcePage({
	health,
	check,
	problems,
	storeUrl,
	typedUrl,
	isOtherSite,
	...props
}: StoreFormProps & {
	typedUrl: string
	/** The typed address is another site, which must be confirmed. */
	isOtherSite: boolean
}) {
	const { viewer, instance } = props
	const path = `/instances/${instance.id}/source`
	return (
		<DecisionFrame {...props} title='Where is this store?' state={health.state}>
			<p>
				<TextWithTimes text={health.reason} />
			</p>
			<Card title='The shop has moved'>
				<p>Shopbell reads {storeUrl}. Enter the new address. The key and the configuration stay.</p>
				{can(viewer, 'developer') ? (
					<Form csrf={viewer.csrf} action={path} problems={problems}>
						<Field
							name='storeUrl'
							type='url'
							label='The Store URL'
							attributes={{ placeholder: 'https://shop.example.com' }}
							value={typedUrl}
							required
							error={findProblem(problems, 'store.url')}
							found={check?.store?.ok === true ? describeStore(check.store) : undefined}
						/>
						{isOtherSite ? <MoveConfirmation storeUrl={storeUrl} /> : null}
						<CheckFindings check={check} />
						<div class='row-of'>
							<Button kind='primary'>Save the address</Button>
							<Button action={`${path}/check`}>Check without saving</Button>
						</div>
					</Form>
				) : (
					<ReadOnlyNote />
				)}
			</Card>
			<Card title='The other address is a copy'>
				<p>
					A copy of the shop, such as a staging site, has its webhooks too. Delete those named Shopbell in the copy,
					under <b>WooCommerce, Settings, Advanced, Webhooks</b>. Shopbell does not use what the copy sends.
				</p>
			</Card>
		</DecisionFrame>
	)
}

function MoveConfirmation({ storeUrl }: { storeUrl: string }) {
	return (
		<Check
			name='rebaseline'
			label='The shop has moved to this site'
			hint={
				`What Shopbell knows of ${storeUrl} is discarded, and the new site is read once. Objects that exist ` +
				'by then are not sent as events, and changes from before are not found.'
			}
		/>
	)
}

/** `WooCommerce 11.0.1 at https://shop.example.com`. */
function describeStore({ version, url }: NonNullable<StoreCheck['store']>): string {
	return `WooCommerce${version === null ? '' : ` ${version}`} at ${url ?? 'this address'}`
}

/** What a check found that concerns no single field. */
function CheckFindings({ check }: { check: StoreCheck | null }) {
	if (check === null) return null
	const { key, resources } = check
	const isFine = key?.ok === true && resources.every(({ ok }) => ok)
	return (
		<Notice tone={isFine ? 'ok' : 'warn'}>
			{key === null ? null : <p>{key.ok ? `The key works: ${key.rights}.` : 'The key does not work.'}</p>}
			{key?.missing == null ? null : <p>{key.missing}</p>}
			<ul>
				{resources.map(({ label, ok, total, problems }) => (
					<li>
						{label}: {ok ? (total === null ? 'found' : `${formatNumber(total)} found`) : problems[0]?.message}
					</li>
				))}
			</ul>
			<p>Nothing was saved yet.</p>
		</Notice>
	)
}
