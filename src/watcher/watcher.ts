/** The Durable Object of one instance: a thin shell around the engine. */
import { DurableObject } from 'cloudflare:workers'
import type { Env } from '../context.ts'

/** One instance's object. */
export class Watcher extends DurableObject<Env> {}
