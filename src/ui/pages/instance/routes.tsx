/** The pages of an instance: overview with its parts, and the actions of its head. Others are in files of their own. */
import type { CallError } from '../../../api/http/call-operation.ts'
import { HOUR_MS } from '../../../lib/time.ts'
import { callOperation } from '../../http/call.ts'
import { can, type SignedInContext } from '../../http/environment.ts'
import { requireOk } from '../../http/errors.tsx'
import { redirectTo } from '../../http/messages.ts'
import type { PageSet } from '../../http/pages.ts'
import { isPartRequest, renderPage, renderPart } from '../../http/render.ts'
import { MessagePlace, Notice } from '../../parts/notice.tsx'
import type { Tone } from '../../parts/state.tsx'
import { TextWithTimes } from '../../parts/time.tsx'
import { ReadOnlyNote } from '../decisions/frame.tsx'
import { Cards, type CardFacts } from './cards.tsx'
import { ChangesCard, parseRange, RANGES, type Range } from './chart.tsx'
import { mountCode } from './code-routes.tsx'
import {
	getIndexedPercent,
	getInstanceId,
	readInstance,
	toInstancePath,
	toOptional,
	type Counts,
	type InstanceFacts,
} from './data.ts'
import { DecisionForm, getDecisionWords, type Decision } from './decisions.tsx'
import { mountEvents } from './event-routes.tsx'
import { NEWEST_EVENTS, type EventList } from './events.tsx'
import { HeadState, InstanceHead, InstancePage, InstanceSubPage } from './frame.tsx'
import { Attention, BaselineProgress, Overview } from './overview.tsx'

/** Mounts the pages. */
export function mountInstance(pages: PageSet): void {
	const { signedIn } = pages
	signedIn.page('/instances/:id', showOverview)
	signedIn.page('/instances/:id/cards', showCards)
	signedIn.page('/instances/:id/changes', showChanges)
	signedIn.page('/instances/:id/baseline', showBaseline)
	mountEvents(pages)
	mountCode(pages)
	signedIn.form('/instances/:id/poll', pollNow)
	signedIn.form('/instances/:id/test-event', sendTestEvent)
	for (const decision of ['pause', 'resume', 'delete'] as const)
		signedIn.page(`/instances/:id/${decision}`, async (c) => await showDecision(c, decision))
	signedIn.form('/instances/:id/pause', pause)
	signedIn.form('/instances/:id/resume', resume)
	signedIn.form('/instances/:id/delete', deleteInstance)
}

async function showOverview(c: SignedInContext): Promise<Response> {
	const range = parseRange(c.req.query('range'))
	const [facts, list, rangeCounts] = await Promise.all([
		readCardFacts(c),
		readEvents(c),
		range === '30d' ? readCounts(c, range) : null,
	])
	const { viewer, message } = c.var
	return await renderPage(
		c,
		<InstancePage {...facts} viewer={viewer} tab='overview' message={message} percent={getIndexedPercent(facts.poller)}>
			<Overview
				{...facts}
				range={range}
				rangeCounts={rangeCounts ?? facts.counts.slice(-RANGES[range].hours)}
				list={list}
				canAct={can(viewer, 'developer')}
			/>
		</InstancePage>,
	)
}

/** A page of the log: the newest events, or those before the `page` of the address. */
async function readEvents(c: SignedInContext): Promise<EventList> {
	const { range, page } = c.req.query()
	const result = await callOperation(c, 'listEvents', {
		params: { id: getInstanceId(c) },
		query: { pageSize: NEWEST_EVENTS, ...(page === undefined ? {} : { nextPage: page }) },
	})
	const events = requireOk(result)
	const next = result.ok ? result.next : null
	const query = new URLSearchParams({ ...(range === undefined ? {} : { range }), page: next ?? '' })
	return {
		events,
		isOlder: page !== undefined,
		older: next === null ? null : `${toInstancePath(getInstanceId(c))}?${query.toString()}`,
	}
}

async function readCardFacts(c: SignedInContext): Promise<CardFacts> {
	const now = c.var.services.now()
	const params = { id: getInstanceId(c) }
	const from = new Date(now - RANGES['7d'].hours * HOUR_MS).toISOString()
	const [facts, poller, counts, coverage, states] = await Promise.all([
		readInstance(c),
		callOperation(c, 'getPoller', { params }),
		readCounts(c, '7d'),
		callOperation(c, 'getCoverage', { params, query: { from } }),
		callOperation(c, 'listInstanceStates', { query: { instanceId: params.id } }),
	])
	return {
		...facts,
		poller: requireOk(poller),
		counts,
		coverage: toOptional(coverage),
		deliveryLagMs: requireOk(states)[0]?.lagMs ?? null,
		now,
	}
}

/** Counts of the whole intervals of a range, up to now. */
async function readCounts(c: SignedInContext, range: Range): Promise<Counts> {
	const { hours, interval } = RANGES[range]
	const count = interval === 'day' ? hours / 24 : hours
	const from = new Date(c.var.services.now() - (count - 1) * (interval === 'day' ? 24 : 1) * HOUR_MS).toISOString()
	const params = { id: getInstanceId(c) }
	return requireOk(await callOperation(c, 'countEventsByType', { params, query: { from, interval } }))
}

/** The cards, and what the head and the message above them say of the same facts. */
async function showCards(c: SignedInContext): Promise<Response> {
	const facts = await readCardFacts(c)
	const { instance, health, poller } = facts
	return await renderPart(
		c,
		<>
			<Cards {...facts} />
			<HeadState state={health.state} percent={getIndexedPercent(poller)} oob />
			<Attention instanceId={instance.id} health={health} poller={poller} canAct={can(c.var.viewer, 'developer')} oob />
		</>,
	)
}

async function showChanges(c: SignedInContext): Promise<Response> {
	const range = parseRange(c.req.query('range'))
	const counts = await readCounts(c, range)
	return await renderPart(c, <ChangesCard instanceId={Number(getInstanceId(c))} range={range} counts={counts} />)
}

async function showBaseline(c: SignedInContext): Promise<Response> {
	const params = { id: getInstanceId(c) }
	const [poller, health] = await Promise.all([
		callOperation(c, 'getPoller', { params }),
		callOperation(c, 'getHealth', { params }),
	])
	return await renderPart(
		c,
		<>
			<BaselineProgress instanceId={Number(getInstanceId(c))} poller={requireOk(poller)} />
			<HeadState state={requireOk(health).state} percent={getIndexedPercent(requireOk(poller))} oob />
		</>,
	)
}

async function pollNow(c: SignedInContext): Promise<Response> {
	const result = await callOperation(c, 'pollNow', { params: { id: getInstanceId(c) } })
	if (!result.ok) return await refuseAction(c, result)
	const { state, notBefore } = result.body
	if (state !== 'waiting' || notBefore === null)
		return await respondToAction(c, 'ok', 'The store is being polled. Changes appear on the overview.')
	return await respondToAction(c, 'warn', `The store failed a moment ago. It is polled at ${notBefore}.`)
}

async function sendTestEvent(c: SignedInContext): Promise<Response> {
	const result = await callOperation(c, 'sendTestEvent', { params: { id: getInstanceId(c) } })
	return result.ok
		? await respondToAction(c, 'ok', 'A signed test event is on its way to the callback.')
		: await refuseAction(c, result)
}

/** What is not possible now is said on the page; anything else is a page of its own. */
async function refuseAction(c: SignedInContext, result: CallError): Promise<Response> {
	if (![409, 429, 502, 503].includes(result.status)) return requireOk<Response>(result)
	return await respondToAction(c, 'bad', result.message)
}

/** After an action of the head: its part and a message, or the page with the message. */
async function respondToAction(
	c: SignedInContext,
	tone: Tone & ('ok' | 'warn' | 'bad'),
	text: string,
): Promise<Response> {
	if (!isPartRequest(c)) return redirectTo(c, toInstancePath(getInstanceId(c)), { kind: tone, text })
	const [facts, poller] = await Promise.all([
		readInstance(c),
		callOperation(c, 'getPoller', { params: { id: getInstanceId(c) } }),
	])
	return await renderPart(
		c,
		<>
			<InstanceHead {...facts} viewer={c.var.viewer} percent={poller.ok ? getIndexedPercent(poller.body) : null} />
			<MessagePlace oob>
				<Notice tone={tone}>
					<TextWithTimes text={text} />
				</Notice>
			</MessagePlace>
		</>,
	)
}

async function showDecision(c: SignedInContext, decision: Decision): Promise<Response> {
	return await renderDecision(c, decision, await readInstance(c), null)
}

async function renderDecision(
	c: SignedInContext,
	decision: Decision,
	facts: InstanceFacts,
	problem: string | null,
): Promise<Response> {
	const { viewer, message } = c.var
	return await renderPage(
		c,
		<InstanceSubPage
			instance={facts.instance}
			viewer={viewer}
			now={c.var.services.now()}
			{...getDecisionWords(decision, facts.instance)}
			message={problem === null ? message : { kind: 'bad', text: problem }}
		>
			{can(viewer, 'developer') ? (
				<DecisionForm
					decision={decision}
					instance={facts.instance}
					csrf={viewer.csrf}
					waiting={facts.health.callback.waiting}
				/>
			) : (
				<ReadOnlyNote />
			)}
		</InstanceSubPage>,
		problem === null ? 200 : 409,
	)
}

async function pause(c: SignedInContext): Promise<Response> {
	const result = await callOperation(c, 'disableInstance', { params: { id: getInstanceId(c) } })
	if (!result.ok) return await refuse(c, 'pause', result)
	return redirectTo(c, toInstancePath(getInstanceId(c)), { kind: 'ok', text: `${result.body.name} is paused.` })
}

async function resume(c: SignedInContext, form: URLSearchParams): Promise<Response> {
	const skip = form.get('skip') === 'true'
	const result = await callOperation(c, 'enableInstance', {
		params: { id: getInstanceId(c) },
		query: skip ? { skip: 'true' } : {},
	})
	if (!result.ok) return await refuse(c, 'resume', result)
	const text = skip ? 'Changes made meanwhile are skipped.' : 'Changes made meanwhile are delivered.'
	return redirectTo(c, toInstancePath(getInstanceId(c)), {
		kind: 'ok',
		text: `${result.body.name} runs again. ${text}`,
	})
}

async function deleteInstance(c: SignedInContext): Promise<Response> {
	const { instance } = await readInstance(c)
	const result = await callOperation(c, 'deleteInstance', { params: { id: getInstanceId(c) } })
	if (!result.ok) return await refuse(c, 'delete', result)
	return redirectTo(c, '/instances', { kind: 'ok', text: `${instance.name} is deleted.` })
}

/** A decision that is not possible now: the page that asks says why. Anything else is a page of its own. */
async function refuse(c: SignedInContext, decision: Decision, result: CallError): Promise<Response> {
	if (result.status !== 409) return requireOk<Response>(result)
	return await renderDecision(c, decision, await readInstance(c), result.message)
}
