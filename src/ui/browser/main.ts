/** The module that every page loads: custom elements, each of which improves what the server sent. */
import { ConfirmElement } from './confirm.ts'
import { reportLostConnection } from './connection.ts'
import { CopyElement } from './copy.ts'
import { CountdownElement } from './countdown.ts'
import { JsonElement } from './json.ts'
import { KeepElement } from './keep.ts'
import { PresetsElement } from './presets.ts'
import { sendFormsOnce } from './submit.ts'
import { TailElement } from './tail.ts'
import { TimeElement } from './time.ts'

sendFormsOnce()
reportLostConnection()

for (const [name, element] of Object.entries({
	'sb-confirm': ConfirmElement,
	'sb-copy': CopyElement,
	'sb-countdown': CountdownElement,
	'sb-json': JsonElement,
	'sb-keep': KeepElement,
	'sb-presets': PresetsElement,
	'sb-tail': TailElement,
	'sb-time': TimeElement,
}))
	customElements.define(name, element)
