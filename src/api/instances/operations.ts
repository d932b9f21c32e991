/** The calls about instances (docs/contract.md §2). */
import * as z from 'zod'
import { byIdAndToken, defineOperation } from '../http/contract.ts'
import { ACCOUNT, INSTANCE_NAME, INSTANCE_TAGS } from '../http/examples.ts'
import { CONFIGURATION } from './examples.ts'
import {
	ConfigurationItemParams,
	ConfigurationItem,
	ConfigurationPatch,
	EnableQuery,
	InstanceCountResponse,
	InstanceResponse,
	InstanceBody,
	InstancePatch,
	InstancesQuery,
	RebaselineQuery,
	ReplaceOfElementQuery,
	ReplaceQuery,
	RotateSignatureKeyBody,
	SignatureKeyResponse,
} from './schema.ts'
import { InstanceCheckBody, StoreCheckBody, StoreCheckResponse } from './store-check-schema.ts'

const Instances = z.array(InstanceResponse)
const LIST_DESCRIPTION = 'With a filter that nothing matches, 404; without a filter, `[]`.'

const BODY_EXAMPLE = {
	element: { key: 'woocommercerest' },
	configuration: CONFIGURATION,
	tags: INSTANCE_TAGS,
	name: INSTANCE_NAME,
}

const list = { method: 'get', tag: 'Instances', query: InstancesQuery, description: LIST_DESCRIPTION } as const
const create = {
	method: 'post',
	tag: 'Instances',
	description:
		'Connects a store, after checking that it can be reached with these keys. From then on changes are delivered; ' +
		'existing objects are not.',
	access: 'account',
	body: InstanceBody,
	example: BODY_EXAMPLE,
	answer: InstanceResponse,
	errors: [409, 502],
} as const
const REPLACE_DESCRIPTION =
	'Replaces the fields and configuration keys that you send. What you omit stays, and so does a value that you send ' +
	'back as it was shown (`********`, a masked URL); null or an empty text removes a configuration key. With ' +
	'`replace=true`, what you omit is removed.'
const RE_AUTHENTICATE_DESCRIPTION =
	'The store is checked even if the keys did not change, unless you send `reAuthenticate=false`.'
const replace = {
	method: 'put',
	tag: 'Instances',
	description: REPLACE_DESCRIPTION,
	body: InstanceBody,
	example: BODY_EXAMPLE,
	answer: InstanceResponse,
	errors: [409, 502],
} as const
const update = {
	method: 'patch',
	tag: 'Instances',
	description:
		'Replaces the tags and merges the configuration. A new callback URL applies from the next notification, without ' +
		're-authentication; 409 if a subscription of the instance already has its address.',
	query: RebaselineQuery,
	body: InstancePatch,
	example: { configuration: { 'event.notification.callback.url': 'https://example.com/other' } },
	answer: InstanceResponse,
	errors: [409, 502],
} as const
const remove = {
	method: 'delete',
	tag: 'Instances',
	description:
		'The token is revoked immediately. The webhooks at the store are removed, later if the store cannot be reached.',
	answer: null,
} as const
const check = {
	method: 'post',
	tag: 'Instances',
	repeatable: true,
	answer: StoreCheckResponse,
} as const
const CHECK_DESCRIPTION =
	'Looks at the store and answers part by part, by the checks of a creation: the store, the key and its rights, each ' +
	'resource with its count and the dates of its newest record, the requests a day, and with `callback` how the ' +
	'callback answers to a signed test event. Any part of the configuration will do: with `store.url` alone, the store ' +
	'is found. ' +
	'Creates and changes nothing. Makes at most 60 requests to the store.'

/** Lists below `/accounts`, mounted before `/accounts/{id}`. */
export const accountInstanceOperations = {
	listAccountInstances: defineOperation({
		...list,
		path: '/accounts/instances',
		summary: 'List instances of your account',
		access: 'account',
		answer: Instances,
		errors: [404],
	}),
	listInstancesOfAccount: defineOperation({
		...list,
		path: '/accounts/{id}/instances',
		summary: 'List instances of an account',
		description:
			'An account is an organization; `accountId` in notifications is its id. 404 for any account but your own. ' +
			LIST_DESCRIPTION,
		access: 'account',
		params: z.object({
			id: z.string().meta({ description: 'Id of the organization', examples: [String(ACCOUNT.id)] }),
		}),
		answer: Instances,
	}),
}

/** Fixed path segments before `{id}` in the same place. */
export const instanceOperations = {
	createInstance: defineOperation({ ...create, path: '/instances', summary: 'Create an instance' }),
	listInstances: defineOperation({
		...list,
		path: '/instances',
		summary: 'List instances',
		description: `With an Element token, returns that instance. ${LIST_DESCRIPTION}`,
		access: 'caller',
		answer: z.union([Instances, InstanceResponse]),
		errors: [404],
	}),

	countInstances: defineOperation({
		method: 'get',
		path: '/instances/count',
		tag: 'Instances',
		summary: 'Count instances',
		description: 'Counts the instances of the organization or, with an Element token, that instance.',
		access: 'caller',
		answer: InstanceCountResponse,
	}),

	checkStore: defineOperation({
		...check,
		path: '/elements/{keyOrId}/check',
		summary: 'Check a store',
		description: CHECK_DESCRIPTION,
		access: 'account',
		params: z.object({
			keyOrId: z.string().meta({ description: "The element's key or id", examples: ['woocommercerest'] }),
		}),
		body: StoreCheckBody,
		example: { configuration: CONFIGURATION, callback: true },
	}),
	...byIdAndToken('checkInstance', {
		...check,
		path: '/check',
		summary: 'Check a change of an instance',
		description:
			'As *Check a store*, for the configuration of an instance with the keys that you send. What you omit, and what ' +
			'you send back as it was shown, counts as it is stored.',
		body: InstanceCheckBody,
		example: { configuration: { 'event.poller.refresh_interval': '5' } },
	}),

	...byIdAndToken('listConfiguration', {
		method: 'get',
		path: '/configuration',
		tag: 'Instances',
		summary: 'List configuration items',
		answer: z.array(ConfigurationItem),
	}),
	...byIdAndToken('getConfigurationItem', {
		method: 'get',
		path: '/configuration/{configId}',
		tag: 'Instances',
		summary: 'Get a configuration item',
		params: ConfigurationItemParams,
		answer: ConfigurationItem,
	}),
	...byIdAndToken('updateConfigurationItem', {
		method: 'patch',
		path: '/configuration/{configId}',
		tag: 'Instances',
		summary: 'Update a configuration item',
		params: ConfigurationItemParams,
		query: RebaselineQuery,
		body: ConfigurationPatch,
		example: { propertyValue: '30' },
		answer: ConfigurationItem,
		errors: [409, 502],
	}),
	...byIdAndToken('enableInstance', {
		method: 'put',
		path: '/enabled',
		tag: 'Instances',
		summary: 'Enable an instance',
		description:
			'Polling resumes, and all objects are read once, so that changes made meanwhile are delivered. Notifications that ' +
			'were queued for a deactivated callback are released.',
		query: EnableQuery,
		answer: InstanceResponse,
		errors: [409],
	}),
	...byIdAndToken('disableInstance', {
		method: 'delete',
		path: '/enabled',
		tag: 'Instances',
		summary: 'Disable an instance',
		description: 'Stops polling and delivering. Hub calls return 403.',
		answer: InstanceResponse,
		errors: [409],
	}),
	...byIdAndToken('getSignatureKey', {
		method: 'get',
		path: '/signature-key',
		tag: 'Instances',
		summary: 'Get the signature key',
		description:
			'Returns the key that signs notifications and, during a rotation, the next key. The audit log records it.',
		role: 'developer',
		keys: false,
		answer: SignatureKeyResponse,
	}),
	...byIdAndToken('rotateSignatureKey', {
		method: 'post',
		path: '/signature-key/rotate',
		tag: 'Instances',
		summary: 'Rotate the signature key',
		description:
			'Both keys sign for a grace period, so that receivers can change the key without rejecting notifications.',
		body: RotateSignatureKeyBody,
		example: { grace: 3600 },
		keys: false,
		answer: SignatureKeyResponse,
	}),
	...byIdAndToken('endSignatureKeyRotation', {
		method: 'post',
		path: '/signature-key/rotate/end',
		tag: 'Instances',
		summary: 'End a signature key rotation',
		description: 'From now on only the new key signs.',
		keys: false,
		answer: SignatureKeyResponse,
	}),

	getInstance: defineOperation({
		method: 'get',
		path: '/instances/{id}',
		tag: 'Instances',
		summary: 'Get an instance',
		access: 'instance',
		answer: InstanceResponse,
	}),
	...byIdAndToken('updateInstance', { ...update, path: '', summary: 'Update an instance' }),
	...byIdAndToken('replaceInstance', {
		...replace,
		path: '',
		summary: 'Replace an instance',
		query: ReplaceQuery,
	}),
	...byIdAndToken('deleteInstance', { ...remove, path: '', summary: 'Delete an instance' }),
	createInstanceOfElement: defineOperation({
		...create,
		path: '/elements/{keyOrId}/instances',
		summary: 'Create an instance of an element',
	}),
	listInstancesOfElement: defineOperation({
		...list,
		path: '/elements/{keyOrId}/instances',
		summary: 'List instances of an element',
		access: 'account',
		answer: Instances,
	}),
	getInstanceOfElement: defineOperation({
		method: 'get',
		path: '/elements/{keyOrId}/instances/{id}',
		tag: 'Instances',
		summary: 'Get an instance of an element',
		access: 'instance',
		answer: InstanceResponse,
	}),
	updateInstanceOfElement: defineOperation({
		...update,
		path: '/elements/{keyOrId}/instances/{id}',
		summary: 'Update an instance of an element',
		access: 'instance',
	}),
	replaceInstanceOfElement: defineOperation({
		...replace,
		path: '/elements/{keyOrId}/instances/{id}',
		summary: 'Replace an instance of an element',
		description: `${REPLACE_DESCRIPTION} ${RE_AUTHENTICATE_DESCRIPTION}`,
		access: 'instance',
		query: ReplaceOfElementQuery,
	}),
	deleteInstanceOfElement: defineOperation({
		...remove,
		path: '/elements/{keyOrId}/instances/{id}',
		summary: 'Delete an instance of an element',
		access: 'instance',
	}),
}
