/** The tab *Code*: calls for this instance in four languages, the call behind each page, and its secrets on request. */
import { operations, type OperationId } from '../../../api/operations.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { CodeBlock, CopyValue, KeyValues } from '../../parts/code.tsx'
import { Form } from '../../parts/form.tsx'
import { Chip } from '../../parts/glyph.tsx'
import { Notice } from '../../parts/notice.tsx'
import { Table } from '../../parts/table.tsx'
import { toInstancePath } from './data.ts'
import { ENVIRONMENT, LANGUAGES, toSnippet, type Call, type Language } from './snippets.ts'

/** Secrets that a viewer asked for; null: not asked. */
export interface ShownSecrets {
	token: string | null
	signatureKey: { key: string | null; whsec: string | null } | null
}

interface CodeTabProps {
	instanceId: number
	/** The API's address with its base path. */
	base: string
	language: Language
	secrets: ShownSecrets
	/** The viewer may see secrets. */
	canSeeSecrets: boolean
	csrf: string
}

/** Calls that one begins with. */
function listExamples(id: number): { title: string; call: Call }[] {
	return [
		{ title: 'List the newest events', call: { method: 'GET', path: `/instances/${id}/events?pageSize=20` } },
		{ title: 'Get its health', call: { method: 'GET', path: `/instances/${id}/health` } },
		{
			title: 'Poll now',
			call: { method: 'PUT', path: `/instances/${id}/poll`, body: { depth: 'window' } },
		},
	]
}

/** The calls behind each page and button, by operation id. */
const CALLS = [
	['Instances', 'listInstanceStates'],
	['Every page of the instance', 'getInstance'],
	['Overview: state and what to do', 'getHealth'],
	['Overview: next poll, objects indexed', 'getPoller'],
	['Overview: coverage', 'getCoverage'],
	['Overview: changes by hour', 'countEventsByType'],
	['Overview: latest events', 'listEvents'],
	['Overview: live', 'streamEvents'],
	['An event', 'getEvent'],
	['An event: changes since the previous one', 'getTimeline'],
	['An event: attempts', 'listAttempts'],
	['An event: deliver again', 'replayNotification'],
	['Configuration, key, address, callback: check', 'checkInstance'],
	['Configuration, key, address: save', 'updateInstance'],
	['Signature key: show', 'getSignatureKey'],
	['Signature key: rotate', 'rotateSignatureKey'],
	['Signature key: end the rotation', 'endSignatureKeyRotation'],
	['Held deletions', 'listHeldDeletions'],
	['Held deletions: ask the store', 'checkHeldDeletions'],
	['Held deletions: send or dismiss', 'decideHeldDeletions'],
	['Held mass changes', 'listHeldMassChanges'],
	['Held mass changes: send or dismiss', 'decideHeldMassChanges'],
	['Unchecked objects', 'listUncheckedObjects'],
	['Unchecked objects: send or dismiss', 'decideUncheckedObjects'],
	['Poll now, read all objects again', 'pollNow'],
	['Send a test event', 'sendTestEvent'],
	['Pause', 'disableInstance'],
	['Resume the instance or its deliveries', 'enableInstance'],
	['Delete', 'deleteInstance'],
] as const satisfies readonly (readonly [page: string, id: OperationId])[]

/** The call behind each page and button, of this instance. */
export function listCalls(instanceId: number): { page: string; id: OperationId; method: string; path: string }[] {
	return CALLS.map(([page, id]) => {
		const { method, path } = operations[id]
		const ownPath = path.replace(/^\/instances\/\{id\}/, `/instances/${instanceId}`)
		return { page, id, method: method.toUpperCase(), path: ownPath }
	})
}

/** Everything below the tabs. */
export function CodeTab({ instanceId, base, language, secrets, canSeeSecrets, csrf }: CodeTabProps) {
	return (
		<>
			<div class='chips'>
				{(Object.keys(LANGUAGES) as Language[]).map((name) => (
					<Chip href={`${toInstancePath(instanceId, 'code')}?language=${name}`} on={name === language}>
						{LANGUAGES[name]}
					</Chip>
				))}
			</div>
			<Card title='Secrets in the environment'>
				<p class='soft'>
					The examples read your secrets from two variables. See <i>Get your secrets</i> in the{' '}
					<a class='link' href='/docs'>
						API reference
					</a>
					.
				</p>
				<CodeBlock code={ENVIRONMENT} label='the variables' />
			</Card>
			{listExamples(instanceId).map(({ title, call }) => (
				<Card title={title}>
					<CodeBlock code={toSnippet(language, base, call)} label={title.toLowerCase()} />
				</Card>
			))}
			{canSeeSecrets ? <Secrets instanceId={instanceId} secrets={secrets} csrf={csrf} /> : null}
			<Card title='The call behind each page' plain>
				<Table
					caption='The call behind each page'
					rows={listCalls(instanceId)}
					dense
					columns={[
						{ label: 'Page', class: 'whole', render: ({ page }) => page },
						{
							label: 'Call',
							class: 'whole',
							render: ({ method, path }) => (
								<code>
									{method} {path}
								</code>
							),
						},
					]}
				/>
			</Card>
		</>
	)
}

/** The card with the secrets, which the response to its buttons replaces. */
export function Secrets({
	instanceId,
	secrets: { token, signatureKey },
	csrf,
}: {
	instanceId: number
	secrets: ShownSecrets
	csrf: string
}) {
	return (
		<div id='secrets' class='spaced-around'>
			<Card title='Secrets of this instance'>
				{token === null ? null : <KeyValues entries={[['Token', <CopyValue value={token} label='the token' />]]} />}
				{signatureKey === null ? null : signatureKey.key === null ? (
					<Notice tone='idle'>Notifications are not signed: the instance has no signature key.</Notice>
				) : (
					<KeyValues
						entries={[
							['Signature key', <CopyValue value={signatureKey.key} label='the signature key' />],
							signatureKey.whsec === null
								? null
								: ['As whsec', <CopyValue value={signatureKey.whsec} label='the key as whsec' />],
						]}
					/>
				)}
				<p class='soft'>
					The token stands for the instance: <code>Authorization: User …, Element &lt;token&gt;</code>. The signature
					key verifies notifications. The audit log records that the signature key was shown.
				</p>
				<Form csrf={csrf} action={toInstancePath(instanceId, 'code/secrets')} target='#secrets'>
					<div class='actions'>
						<Button name='show' value='token' icon='eye' small>
							Show the token
						</Button>
						<Button name='show' value='signature-key' icon='eye' small>
							Show the signature key
						</Button>
					</div>
				</Form>
			</Card>
		</div>
	)
}
