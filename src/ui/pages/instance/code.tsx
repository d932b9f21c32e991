/** The tab *Code*: calls for this instance in four languages, the call behind each page, and its secrets on request. */
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

/** The call behind each page and button. */
function listCalls(id: number): { page: string; method: string; path: string }[] {
	const below = `/instances/${id}`
	return [
		{ page: 'Overview: state and what to do', method: 'GET', path: `${below}/health` },
		{ page: 'Overview: next poll, objects indexed', method: 'GET', path: `${below}/poller` },
		{ page: 'Overview: coverage', method: 'GET', path: `${below}/coverage` },
		{ page: 'Overview: changes by hour', method: 'GET', path: `${below}/events/analytics/types` },
		{ page: 'Overview: latest events', method: 'GET', path: `${below}/events` },
		{ page: 'Overview: live', method: 'GET', path: `${below}/events/stream` },
		{ page: 'An event', method: 'GET', path: `${below}/events/{eventId}` },
		{ page: 'An event: attempts', method: 'GET', path: '/notifications/{id}/attempts' },
		{ page: 'An event: deliver again', method: 'POST', path: '/notifications/{id}/replay' },
		{ page: 'Configuration', method: 'GET', path: below },
		{ page: 'Configuration: save', method: 'PATCH', path: below },
		{ page: 'Poll now', method: 'PUT', path: `${below}/poll` },
		{ page: 'Send a test event', method: 'POST', path: `${below}/test-event` },
		{ page: 'Pause', method: 'DELETE', path: `${below}/enabled` },
		{ page: 'Resume', method: 'PUT', path: `${below}/enabled` },
		{ page: 'Delete', method: 'DELETE', path: below },
	]
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
