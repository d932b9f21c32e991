/** What a caller sees of notifications. */
import { canSeeSecrets } from '../http/access.ts'
import type { CallerContext } from '../http/environment.ts'
import type { NotificationViewOptions } from './view.ts'

export function getViewOptions(c: Pick<CallerContext, 'env' | 'var'>): NotificationViewOptions {
	return { publicUrl: c.env.PUBLIC_URL, canSeeSecrets: canSeeSecrets(c) }
}
