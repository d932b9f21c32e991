/** The page of a user's sessions. */
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { authenticationOperations } from '../../../api/authentication/operations.ts'
import { Frame } from '../../frame.tsx'
import type { PageMessage, Viewer } from '../../http/environment.ts'

type Sessions = OperationResponse<(typeof authenticationOperations)['listSessions']>

interface SessionsPageProps {
	viewer: Viewer
	message: PageMessage | null
	sessions: Sessions
	nowMs: number
}

/** All sessions of the user, with a button that ends them. */
export function SessionsPage({ viewer, sessions }: SessionsPageProps) {
	return (
		<Frame title='Your sessions' place={null} viewer={viewer}>
			<div class='head'>
				<h1>Your sessions</h1>
			</div>
			<section class='card'>
				<table class='cards'>
					<caption class='spoken'>Your sessions, newest first</caption>
					<thead>
						<tr>
							<th scope='col'>Browser or program</th>
							<th scope='col'>Signed in</th>
							<th scope='col'>Ends</th>
						</tr>
					</thead>
					<tbody>
						{sessions.map(({ agent, current, createdDate, expiresDate }) => (
							<tr>
								<td>
									{agent === '' ? 'Unknown' : agent} {current ? <span class='chip on'>this one</span> : null}
								</td>
								<td>{createdDate}</td>
								<td>{expiresDate}</td>
							</tr>
						))}
					</tbody>
				</table>
			</section>
			<form method='post' action='/account/sessions/end'>
				<input type='hidden' name='csrf' value={viewer.csrf} />
				<button class='btn'>Sign out everywhere</button>
			</form>
		</Frame>
	)
}
