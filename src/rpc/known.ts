/** `unknown`: the object has no instance row. */
export type Known<T> = T | 'unknown'
