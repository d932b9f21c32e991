/** The module that every page loads: custom elements, each of which improves what the server sent. */
import { CopyElement } from './copy.ts'
import { PresetsElement } from './presets.ts'

customElements.define('sb-copy', CopyElement)
customElements.define('sb-presets', PresetsElement)
