/** The page of a callback that fails, or that nothing is sent to any more. */
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { instanceOperations } from '../../../api/instances/operations.ts'
import { can } from '../../http/environment.ts'
import { Button, LinkButton } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Form } from '../../parts/form.tsx'
import { Notice } from '../../parts/notice.tsx'
import { formatCount } from '../../parts/text.ts'
import { TextWithTimes } from '../../parts/time.tsx'
import { DecisionFrame, ReadOnlyNote, type DecisionProps, type Health } from './frame.tsx'

type CallbackCheck = OperationResponse<typeof instanceOperations.checkInstance>['callback']

interface CallbackPageProps extends DecisionProps {
	health: Health
	/** The outcome of a signed test event; null: none was sent. */
	test: CallbackCheck
}

/** What is the matter, by the callback's state. */
const HEADINGS = {
	none: 'There is no callback',
	healthy: 'The callback works',
	failing: 'The callback is failing',
	deactivated: 'Deliveries have stopped',
} as const

/** What fails, a test event, and the way back. */
export function CallbackPage({ health, test, ...props }: CallbackPageProps) {
	const { viewer, instance } = props
	const { callback } = health
	const path = `/instances/${instance.id}/subscription`
	const isStopped = callback.state === 'deactivated'
	return (
		<DecisionFrame {...props} title='The callback' heading={HEADINGS[callback.state]} state={health.state}>
			<p>
				<TextWithTimes text={health.reason} />
			</p>
			{callback.url === null ? null : (
				<p class='meta'>
					<code>{callback.url}</code>
				</p>
			)}
			{callback.url === null ? (
				<Notice tone='idle'>This instance has no callback: its events are stored in the event log only.</Notice>
			) : can(viewer, 'developer') ? (
				<>
					<Card title='Does it work now?' id='test'>
						{test === null ? (
							<p>Shopbell sends one signed test event. The store is not changed.</p>
						) : (
							<Notice tone={test.ok ? 'ok' : 'bad'}>{test.message}</Notice>
						)}
						<Form csrf={viewer.csrf} action={`${path}/test`}>
							<Button kind={isStopped ? 'plain' : 'primary'}>Send a test event</Button>
						</Form>
					</Card>
					<Card title={isStopped ? 'Resume' : 'Automatic retries'}>
						<p>
							{isStopped
								? `${toWaitingText(callback.waiting)} All objects are compared once, so that no change is missed.`
								: `Shopbell tries again on its schedule. ${toWaitingText(callback.waiting)}`}
						</p>
						<div class='row-of'>
							{isStopped ? (
								<Form csrf={viewer.csrf} action={path}>
									<Button kind='primary'>Resume deliveries</Button>
								</Form>
							) : null}
							<LinkButton href={`/instances/${instance.id}/configuration`}>Change the callback URL</LinkButton>
						</div>
					</Card>
				</>
			) : (
				<ReadOnlyNote />
			)}
		</DecisionFrame>
	)
}

function toWaitingText(waiting: number): string {
	return waiting === 0 ? 'No event waits.' : `${formatCount(waiting, 'waiting event')} are sent first, oldest first.`
}
