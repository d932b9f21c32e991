/** What the parts of the form show. */
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { operations } from '../../../api/operations.ts'
import type { FieldProblem } from '../../../lib/values.ts'
import { findProblem } from '../../parts/form.tsx'
import type { InstanceForm } from './model/form.ts'
import { toFormProblems } from './model/problems.ts'

/** What a check found. */
export type StoreCheck = OperationResponse<(typeof operations)['checkStore']>
/** The element with its keys and resources. */
export type Catalog = OperationResponse<(typeof operations)['getElement']>

/** The form and what is known of what is in it. */
export interface FormView {
	form: InstanceForm
	/** At the fields of the form. */
	problems: readonly FieldProblem[]
	/** Null: nothing was checked yet. */
	check: StoreCheck | null
	catalog: Catalog
	/** How a key is created, from the guide, as HTML. */
	keyHelp: string
	/** Epoch ms. */
	now: number
	/** Where the form is sent, and where it is checked. */
	action: string
	/** The instance that is changed; null: a new one. */
	instanceId: number | null
	/** Makes a creation safe to repeat. */
	requestKey: string
	/** The secrets that were typed, sealed; null: none. */
	sealed: string | null
	/** Keys of secrets that are sealed. */
	sealedKeys: readonly string[]
	/** Keys of secrets that are stored with the instance. */
	storedKeys: readonly string[]
	/** A signature key that was generated here, and is shown. */
	generatedKey: string | null
	/** The resource that was just added; null: none. */
	openRow: number | null
	/** Steps that were finished and fold. One with an error does not. */
	folded: readonly StepName[]
}

/** The acts that fold a step begin with this. */
export const CONTINUE = 'continue.'

/** Keys whose values are never sent back in a page. */
export const SECRET_KEYS = [
	'oauth.api.key',
	'oauth.api.secret',
	'event.notification.signature.key',
	'event.notification.basic.password',
	'event.notification.callback.headers',
] as const

export const SIGNATURE = 'event.notification.signature.key'

/** Everything that is wrong, as far as it is known. What a check found comes after what was refused. */
export function listProblems(form: InstanceForm, refused: readonly FieldProblem[], check: StoreCheck | null) {
	const found =
		check === null ? [] : [check, check.store, check.key, ...check.resources].flatMap((part) => part?.problems ?? [])
	return [...refused, ...toFormProblems(found, form)]
}

/** The message at a field; null: there is none. */
export function errorOf({ problems }: Pick<FormView, 'problems'>, field: string): string | null {
	return findProblem(problems, field)
}

/** The steps of the form. */
export const STEPS = ['store', 'events', 'polling', 'finish'] as const
export type StepName = (typeof STEPS)[number]

/** The step that a field belongs to. */
export function getStep(field: string): StepName {
	if (['name', 'store.url', 'oauth.api.key', 'oauth.api.secret'].includes(field)) return 'store'
	if (field === 'tags') return 'finish'
	return /^(resource\.|existing\.|event\.poller\.(configuration|backfill))/.test(field) ? 'polling' : 'events'
}

/** How a step stands. */
export function getStepState(
	view: Pick<FormView, 'problems' | 'folded' | 'check'>,
	step: StepName,
): 'done' | 'now' | 'next' | 'wrong' {
	if (view.problems.some(({ field }) => field !== '' && getStep(field) === step)) return 'wrong'
	if (view.folded.includes(step)) return 'done'
	const isStoreDone = view.check?.store?.ok === true && view.check.key?.ok === true
	if (step === 'store') return isStoreDone ? 'done' : 'now'
	return isStoreDone && step !== 'finish' ? 'now' : 'next'
}
