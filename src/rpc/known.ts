/** An answer; `unknown`: the object has no instance row. */
export type OrUnknown<T> = T | 'unknown'
