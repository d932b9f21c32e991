/** Where the paths of the contract begin. */
export const BASE_PATH = '/elements/api-v2'
