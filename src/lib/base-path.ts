/** The base of the contract's paths. */
export const BASE_PATH = '/elements/api-v2'
