/** The page of a user's sessions. */
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { authenticationOperations } from '../../../api/authentication/operations.ts'
import { Frame } from '../../frame.tsx'
import type { PageMessage, Viewer } from '../../http/environment.ts'
import { Button } from '../../parts/button.tsx'
import { Card, PageHead } from '../../parts/card.tsx'
import { Form } from '../../parts/form.tsx'
import { Chip } from '../../parts/glyph.tsx'
import { MessagePlace, Notice } from '../../parts/notice.tsx'
import { Table } from '../../parts/table.tsx'
import { Time } from '../../parts/time.tsx'

type Sessions = OperationResponse<(typeof authenticationOperations)['listSessions']>

interface SessionsPageProps {
	viewer: Viewer
	message: PageMessage | null
	sessions: Sessions
	nowMs: number
}

/** All sessions of the user, with a button that ends them. */
export function SessionsPage({ viewer, message, sessions, nowMs }: SessionsPageProps) {
	return (
		<Frame title='Your sessions' place={null} viewer={viewer}>
			<PageHead
				title='Your sessions'
				meta={`${viewer.user.email}, ${viewer.user.role} of ${viewer.user.organizationName}`}
				actions={
					<Form csrf={viewer.csrf} action='/account/sessions/end'>
						<Button>Sign out everywhere</Button>
					</Form>
				}
			/>
			<MessagePlace>{message === null ? null : <Notice tone={message.kind}>{message.text}</Notice>}</MessagePlace>
			<Card plain>
				<Table
					caption='Your sessions, newest first'
					columns={[
						{
							label: 'Browser or program',
							render: ({ agent, current }) => (
								<>
									{agent === '' ? 'Unknown' : agent} {current ? <Chip on>This session</Chip> : null}
								</>
							),
						},
						{ label: 'Signed in', num: true, render: ({ createdDate }) => <Time at={createdDate} now={nowMs} /> },
						{
							label: 'Ends',
							num: true,
							render: ({ expiresDate }) => (
								<>
									<span class='only-small'>Ends </span>
									<Time at={expiresDate} now={nowMs} />
								</>
							),
						},
					]}
					rows={sessions}
				/>
			</Card>
		</Frame>
	)
}
