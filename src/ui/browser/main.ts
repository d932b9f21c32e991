/** The module that every page loads: custom elements, each of which improves what the server sent. */
import { CopyElement } from './copy.ts'

customElements.define('sb-copy', CopyElement)
