/** The form of an instance: what its parts have in common, whole or as a response of an act. */
import { StepBadge } from '../../parts/steps.tsx'
import { toId } from '../../parts/text.ts'
import { toEventsSummary, toPollingSummary, toStoreFinding, toSummary } from './findings.ts'
import {
	CallbackPart,
	IntervalPart,
	hasOptionalProblem,
	OptionalDetails,
	OptionalPart,
	TypePart,
} from './events-step.tsx'
import { Part, type PartProps } from './part.tsx'
import { ExistingPart, PollingPart, RowParts, VariationsPart } from './polling-step.tsx'
import { KeyPart, StorePart } from './store-step.tsx'
import { getStepState, STEPS, type FormView } from './view.ts'

/** What the form needs besides its fields. */
export const HIDDEN = {
	requestKey: 'request-key',
	sealed: 'typed-secrets',
	generated: 'generated-key',
	folded: 'folded',
} as const

/** The hidden fields. The first button of a form is the one that Enter presses: it checks. */
export function HiddenPart({ view, oob = false }: PartProps<FormView>) {
	const fields = [
		[HIDDEN.requestKey, view.requestKey],
		[HIDDEN.sealed, view.sealed],
		[HIDDEN.generated, view.generatedKey === null ? null : 'true'],
	] as const
	return (
		<Part id='cf-hidden' oob={oob}>
			<button class='spoken' name='do' value='check' tabindex={-1} aria-hidden='true'>
				Check
			</button>
			{fields.map(([name, value]) =>
				value === null ? null : <input type='hidden' id={toId(name)} name={name} value={value} />,
			)}
			{view.folded.map((step) => (
				<input type='hidden' name={HIDDEN.folded} value={step} />
			))}
		</Part>
	)
}

/** The store in the head of its step. */
export function StoreSummary({ view, oob = false }: PartProps<FormView>) {
	return (
		<Part id='cf-store-summary' oob={oob}>
			{toStoreFinding(view.check) ?? view.form.keys['store.url'] ?? ''}
		</Part>
	)
}

/** What was chosen in a step, in its head. */
export function StepSummary({
	view: { form },
	step,
	oob = false,
}: PartProps<Pick<FormView, 'form'>> & { step: 'events' | 'polling' }) {
	return (
		<Part id={`cf-${step}-summary`} oob={oob}>
			{step === 'events' ? toEventsSummary(form) : toPollingSummary(form)}
		</Part>
	)
}

/** The whole in a sentence or two. */
export function SummaryPart({ view, oob = false }: PartProps<Pick<FormView, 'form'>>) {
	return (
		<Part id='cf-summary' oob={oob}>
			<p class='summary'>{toSummary(view.form)}</p>
		</Part>
	)
}

/**
 * What acts replace. `polling`: the rows too, not only what is in them. Where the rows stay, so does the summary: it
 * asks for itself, and would be older than the form after a slow check.
 */
export function FormParts({ view, polling }: { view: FormView; polling: boolean }) {
	return (
		<>
			<HiddenPart view={view} oob />
			{STEPS.map((step, index) => (
				<StepBadge id={`step-${step}-badge`} number={index + 1} state={getStepState(view, step)} oob />
			))}
			<StoreSummary view={view} oob />
			<StorePart view={view} oob />
			<KeyPart view={view} oob />
			<TypePart view={view} oob />
			<CallbackPart view={view} oob />
			<IntervalPart view={view} oob />
			{hasOptionalProblem(view) ? <OptionalDetails view={view} oob /> : <OptionalPart view={view} oob />}
			{polling || view.form.json !== null ? (
				<PollingPart view={view} oob />
			) : (
				view.form.rows.map((row, index) => <RowParts view={view} row={row} index={index} />)
			)}
			<VariationsPart view={view} oob />
			{view.instanceId === null ? <ExistingPart view={view} oob /> : null}
			{polling && view.instanceId === null ? <SummaryPart view={view} oob /> : null}
		</>
	)
}

/** What changes when a signature key is generated. */
export function SignatureParts({ view }: { view: FormView }) {
	return (
		<>
			<HiddenPart view={view} oob />
			<OptionalPart view={view} oob />
		</>
	)
}

/** What changes when the rows become JSON. */
export function JsonParts({ view }: { view: FormView }) {
	return (
		<>
			<HiddenPart view={view} oob />
			<PollingPart view={view} oob />
			{view.instanceId === null ? <SummaryPart view={view} oob /> : null}
		</>
	)
}
