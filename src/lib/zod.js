/**
 * What the built Worker has in place of `zod` (`[alias]` in wrangler.toml). The package's own entry also exports
 * its locales, a JSON Schema reader and a compiler, and @hono/zod-openapi passes that entry on as a whole, so that
 * a bundler keeps all of it. English, in which messages are written, comes with the schemas.
 */
import * as z from './zod-exports.js'

export * from './zod-exports.js'
export { z, z as default }
