/**
 * What an instance's answer says of every element alike: flags that clients of the platform read (docs/contract.md §2).
 * Pure.
 */

/** All of them. */
export const ELEMENT_FLAGS = {
	image: '',
	active: true,
	deleted: false,
	typeOauth: false,
	trialAccount: false,
	resources: [],
	transformationsEnabled: false,
	bulkDownloadEnabled: false,
	bulkUploadEnabled: false,
	cloneable: false,
	extendable: false,
	beta: false,
	authentication: { type: 'custom' as const },
	extended: false,
	protocolType: 'http' as const,
	parameters: [],
	private: false,
}
