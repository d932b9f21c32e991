/** What the pages of decisions share. */
import type { Child } from 'hono/jsx'
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { watchingOperations } from '../../../api/instances/monitoring-operations.ts'
import type { InstanceState } from '../../../rpc/watcher.ts'
import { Frame } from '../../frame.tsx'
import type { PageMessage, Viewer } from '../../http/environment.ts'
import { PageHead } from '../../parts/card.tsx'
import { MessagePlace, Notice } from '../../parts/notice.tsx'
import { InstanceStateDot } from '../../parts/state.tsx'

/** `GET …/health`. */
export type Health = OperationResponse<typeof watchingOperations.getHealth>

/** What every page of a decision is about. */
export interface DecisionProps {
	viewer: Viewer
	message: PageMessage | null
	instance: { id: number; name: string }
}

/** A page with one decision about an instance. `title` is its place, `heading` what is the matter. */
export function DecisionFrame({
	viewer,
	message,
	instance,
	title,
	heading = title,
	state,
	children,
}: DecisionProps & { title: string; heading?: string; state: InstanceState; children?: Child }) {
	const href = `/instances/${instance.id}`
	return (
		<Frame
			title={`${title} · ${instance.name}`}
			place='instances'
			viewer={viewer}
			crumbs={[{ label: 'Instances', href: '/instances' }, { label: instance.name, href }, { label: title }]}
		>
			<PageHead
				title={heading}
				meta={
					<>
						<InstanceStateDot state={state} /> · {instance.name}
					</>
				}
			/>
			<MessagePlace>{message === null ? null : <Notice tone={message.kind}>{message.text}</Notice>}</MessagePlace>
			<div class='stack task'>{children}</div>
		</Frame>
	)
}

/** For those who may look and not decide. */
export function ReadOnlyNote() {
	return <Notice tone='idle'>You can look at this. To decide, your role must be developer or admin.</Notice>
}
