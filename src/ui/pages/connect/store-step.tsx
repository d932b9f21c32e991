/** Step 1: the store and its key. */
import { raw } from 'hono/html'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import { toKeyFinding, toStoreFinding } from './findings.ts'
import { Part, type PartProps } from './part.tsx'
import { errorOf, type FormView } from './view.ts'

/** An element whose changes are checked at the store. */
export function toCheckAttributes({ action }: Pick<FormView, 'action'>) {
	return {
		'hx-post': `${action}/check`,
		'hx-trigger': 'change',
		'hx-swap': 'none',
		'hx-target': 'this',
		'hx-sync': 'this:replace',
	} as const
}

/** The fields of the step. */
export function StoreFields({ view }: { view: FormView }) {
	return (
		<>
			<Part id='cf-name' oob={false}>
				<Field
					name='name'
					label='Name'
					value={view.form.name}
					error={errorOf(view, 'name')}
					hint="The instance's name in Shopbell. If empty, the store's host."
				/>
			</Part>
			<div {...toCheckAttributes(view)}>
				<StorePart view={view} />
				{view.instanceId === null ? <WithoutKeys /> : null}
				<KeyPart view={view} />
			</div>
			<KeyHelp html={view.keyHelp} />
			<div class='actions'>
				<Button small name='do' value='check' icon='refresh-cw'>
					Check the store
				</Button>
			</div>
		</>
	)
}

/** The address, and what was found there. */
export function StorePart({ view, oob = false }: PartProps<FormView>) {
	const found = toStoreFinding(view.check)
	return (
		<Part id='cf-store' oob={oob}>
			<Field
				name='store.url'
				label='The Store URL'
				value={view.form.keys['store.url'] ?? ''}
				error={errorOf(view, 'store.url')}
				found={found ?? undefined}
				hint={found === null ? 'Such as https://shop.example. It is checked when you leave the field.' : undefined}
				attributes={{ inputmode: 'url', autocomplete: 'off' }}
			/>
		</Part>
	)
}

function WithoutKeys() {
	return (
		<div class='field'>
			<div class='row-of'>
				<Button name='do' value='authorize' icon='external-link'>
					Connect with WooCommerce
				</Button>
				<span class='soft'>Approve access in the store: no key to copy. Or enter a key:</span>
			</div>
		</div>
	)
}

/** Key and secret, and what they may do. Their values are never sent back. */
export function KeyPart({ view, oob = false }: PartProps<FormView>) {
	const placeholder = (key: string) =>
		view.sealedKeys.includes(key) ? 'Kept as you entered it' : view.storedKeys.includes(key) ? 'Stored' : undefined
	const keep = view.instanceId === null ? undefined : 'Leave both empty to keep the stored key.'
	return (
		<Part id='cf-key' oob={oob}>
			<div data-secret='true'>
				<Field
					name='oauth.api.key'
					label='OAuth API Key'
					error={errorOf(view, 'oauth.api.key')}
					hint={keep ?? 'The consumer key. It begins with ck_.'}
					attributes={{ autocomplete: 'off', placeholder: placeholder('oauth.api.key') }}
				/>
				<Field
					name='oauth.api.secret'
					label='OAuth API Secret'
					secret
					error={errorOf(view, 'oauth.api.secret')}
					found={toKeyFinding(view.check) ?? undefined}
					hint='The consumer secret. It begins with cs_.'
					attributes={{ placeholder: placeholder('oauth.api.secret') }}
				/>
			</div>
		</Part>
	)
}

function KeyHelp({ html }: { html: string }) {
	return (
		<details class='behind'>
			<summary>Where do I get these?</summary>
			<div class='body text'>
				{raw(html)}
				<p>
					<a class='link' href='/guide/woocommerce-key'>
						More about keys
					</a>
				</p>
			</div>
		</details>
	)
}
