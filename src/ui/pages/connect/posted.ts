/** What was posted of the form of an instance. Its secrets go through the browser sealed, never in the clear. */
import { openSecret, sealSecret } from '../../../lib/sealing.ts'
import type { SignedInContext } from '../../http/environment.ts'
import { isPartRequest } from '../../http/render.ts'
import { HIDDEN } from './form.tsx'
import { readInstanceForm } from './model/fields.ts'
import type { InstanceForm } from './model/form.ts'
import { SECRET_KEYS, SIGNATURE, STEPS, type StepName } from './view.ts'

/** A posted form. */
export interface PostedForm {
	form: InstanceForm
	requestKey: string
	/** The secrets that were typed, for the page that follows; null: none, or the browser still has them. */
	sealed: string | null
	sealedKeys: string[]
	generatedKey: string | null
	folded: StepName[]
}

/** Parses what was posted. A secret that is empty is the one that was typed before. */
export async function readPostedForm(c: SignedInContext, posted: URLSearchParams): Promise<PostedForm> {
	const form = readInstanceForm(posted)
	const kept = await openSecrets(c, posted.get(HIDDEN.sealed))
	const secrets: Record<string, string> = {}
	for (const key of SECRET_KEYS) {
		const value = (form.keys[key] ?? '') === '' ? (kept[key] ?? '') : form.keys[key]!
		form.keys[key] = value
		if (value !== '') secrets[key] = value
	}
	const sealedKeys = Object.keys(secrets)
	// htmx leaves what was typed in its fields.
	const isSealed = sealedKeys.length > 0 && (!isPartRequest(c) || Object.keys(kept).length > 0)
	return {
		form,
		requestKey: posted.get(HIDDEN.requestKey) ?? newRequestKey(),
		sealed: isSealed ? await sealSecret(c.env.MASTER_KEYS, JSON.stringify(secrets), toPlace(c)) : null,
		sealedKeys: isSealed ? sealedKeys : [],
		generatedKey: posted.get(HIDDEN.generated) === 'true' ? (form.keys[SIGNATURE] ?? null) : null,
		folded: STEPS.filter((step) => posted.getAll(HIDDEN.folded).includes(step)),
	}
}

/** A key under which a creation runs once. */
export function newRequestKey(): string {
	return crypto.randomUUID()
}

async function openSecrets(c: SignedInContext, sealed: string | null): Promise<Record<string, string>> {
	if (sealed === null || sealed === '') return {}
	try {
		return JSON.parse(await openSecret(c.env.MASTER_KEYS, sealed, toPlace(c))) as Record<string, string>
	} catch {
		// Sealed by a key that is no longer there, or for somebody else: it has to be typed again.
		return {}
	}
}

function toPlace({ var: { viewer } }: SignedInContext): string {
	return `typed-secrets/${viewer.user.organizationId}/${viewer.user.id}`
}
