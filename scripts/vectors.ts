/**
 * `npm run vectors`: asks the verifiers of docs/verify in Python and PHP what `npm test` asks the one in TypeScript. A language that this
 * machine lacks is named as not run. Exit 1 when an answer is wrong or a verifier breaks.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { VERIFICATION_CASES, VECTORS } from '../test/support/vectors.ts'

interface Language {
	name: string
	command: string
	/** What runs the verifier. It is given two paths more, the verifier's and that of the questions as JSON, and prints a list of answers. */
	arguments: readonly string[]
	file: string
}

const PYTHON = `
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("verify", sys.argv[1])
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)
def answer(q):
    body = q["body"].encode("utf-8")
    if q["scheme"] == "standard":
        return verify.verify_standard(q["key"], q["headers"], body, q["now"])
    return verify.verify_elements(q["key"], q["headers"], body)
print(json.dumps([answer(q) for q in json.load(open(sys.argv[2], encoding="utf-8"))]))
`
const PHP = `
require $argv[1];
$questions = json_decode(file_get_contents($argv[2]), true, 512, JSON_THROW_ON_ERROR);
echo json_encode(array_map(fn ($q) => $q['scheme'] === 'standard'
    ? verify_standard($q['key'], $q['headers'], $q['body'], $q['now'])
    : verify_elements($q['key'], $q['headers'], $q['body']), $questions));
`
const LANGUAGES: readonly Language[] = [
	{ name: 'Python', command: 'python3', arguments: ['-B', '-c', PYTHON], file: 'verify.py' },
	{ name: 'PHP', command: 'php', arguments: ['-r', PHP, '--'], file: 'verify.php' },
]

const dir = mkdtempSync(join(tmpdir(), 'vectors-'))
const questions = join(dir, 'questions.json')
writeFileSync(questions, JSON.stringify(VERIFICATION_CASES))
const notRun: string[] = []
let failed = false
for (const language of LANGUAGES) {
	const { name, command } = language
	if (spawnSync(command, ['--version'], { stdio: 'ignore' }).status !== 0) {
		notRun.push(name)
		console.log(`${name}: NOT RUN, this machine has no ${command}`)
		continue
	}
	const wrong = findWrongAnswers(language)
	failed ||= wrong.length > 0
	console.log(
		`${name}: ${wrong.length === 0 ? `ok, ${VERIFICATION_CASES.length} answers over ${VECTORS.length} vectors` : 'WRONG'}`,
	)
	for (const line of wrong) console.log(`  ${line}`)
}
rmSync(dir, { recursive: true })
if (notRun.length > 0)
	console.log(`Not run: ${notRun.join(', ')}. Nothing is said about ${notRun.length > 1 ? 'them' : 'it'}.`)
process.exitCode = failed ? 1 : 0

/** What a language answers wrongly, a line each. */
function findWrongAnswers({ command, arguments: languageArguments, file }: Language): string[] {
	const path = resolve(import.meta.dirname, '../docs/verify', file)
	const run = spawnSync(command, [...languageArguments, path, questions], { encoding: 'utf8' })
	if (run.status !== 0) return [`${file} broke: ${run.stderr.trim().split('\n').at(-1) ?? ''}`]
	let answers: unknown
	try {
		answers = JSON.parse(run.stdout)
	} catch {
		return [`${file} answered what is no JSON: ${run.stdout.slice(0, 200)}`]
	}
	return VERIFICATION_CASES.flatMap(({ name, expected }, index) => {
		const answer = (answers as unknown[])[index]
		return answer === expected ? [] : [`${name}: expected ${String(expected)}, got ${String(answer)}`]
	})
}
