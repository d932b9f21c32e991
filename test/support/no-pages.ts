/** In place of src/ui, for the size of the Worker without pages. */
const nothing = (): void => undefined

export const mountPages = nothing
export const mountConnectPages = nothing
export const respondWithErrorPage = nothing
export const findViewer = nothing
