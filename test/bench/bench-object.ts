/** The object of an instance for the benches' own calls: one with a row by its incarnation, a copy by its id alone. */
import { getWatcher, type Env } from '../../src/context.ts'
import { withIncarnation, type ObjectRef } from '../../src/lib/incarnation.ts'

/** What a bench's object answers to its own calls. */
interface BenchObject {
	bench(text: string): Promise<string>
}

export async function getBenchObject(env: Env, id: string): Promise<BenchObject> {
	const row = await env.DB.prepare('SELECT id, incarnation FROM instances WHERE id = ?')
		.bind(Number(id))
		.first<ObjectRef>()
	return getWatcher(
		env,
		row === null ? { id: Number(id), incarnation: id } : withIncarnation(row),
	) as unknown as BenchObject
}
