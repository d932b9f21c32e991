/** Calls of the API as code, for one instance. Pure: secrets are variables of the environment. */

/** The languages, in order. */
export const LANGUAGES = {
	curl: 'curl',
	typescript: 'TypeScript',
	python: 'Python',
	php: 'PHP',
} as const

/** A language in the address. */
export type Language = keyof typeof LANGUAGES

/** The language of a query; anything else is curl. */
export function parseLanguage(text: string | undefined): Language {
	return text !== undefined && Object.hasOwn(LANGUAGES, text) ? (text as Language) : 'curl'
}

/** A call of the API. */
export interface Call {
	method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
	/** Below the API's base path. */
	path: string
	body?: Readonly<Record<string, unknown>>
}

/** The call in a language. `base`: the API's address, with its base path. */
export function toSnippet(language: Language, base: string, call: Call): string {
	return SNIPPETS[language](`${base}${call.path}`, call)
}

/** How a shell, and so curl, is told the secrets. */
export const ENVIRONMENT = `export SHOPBELL_USER='<your user secret>'
export SHOPBELL_ORGANIZATION='<your organization secret>'`

const SNIPPETS: Readonly<Record<Language, (url: string, call: Call) => string>> = {
	curl: toCurl,
	typescript: toTypeScript,
	python: toPython,
	php: toPhp,
}

function toCurl(url: string, { method, body }: Call): string {
	return [
		`curl ${method === 'GET' ? '' : `-X ${method} `}'${url}'`,
		`-H "Authorization: User $SHOPBELL_USER, Organization $SHOPBELL_ORGANIZATION"`,
		...(body === undefined ? [] : ["-H 'Content-Type: application/json'", `-d '${JSON.stringify(body)}'`]),
	].join(' \\\n  ')
}

function toTypeScript(url: string, { method, body }: Call): string {
	const headers = [
		'    Authorization: `User ${process.env.SHOPBELL_USER}, Organization ${process.env.SHOPBELL_ORGANIZATION}`,',
		...(body === undefined ? [] : ["    'Content-Type': 'application/json',"]),
	]
	return [
		`const response = await fetch('${url}', {`,
		...(method === 'GET' ? [] : [`  method: '${method}',`]),
		'  headers: {',
		...headers,
		'  },',
		...(body === undefined ? [] : [`  body: JSON.stringify(${JSON.stringify(body)}),`]),
		'})',
		'if (!response.ok) throw new Error(await response.text())',
		'console.log(await response.json())',
	].join('\n')
}

function toPython(url: string, { method, body }: Call): string {
	return [
		'import json, os, urllib.request',
		'',
		'request = urllib.request.Request(',
		`    "${url}",`,
		`    method="${method}",`,
		'    headers={',
		'        "Authorization": "User {SHOPBELL_USER}, Organization {SHOPBELL_ORGANIZATION}".format(**os.environ),',
		...(body === undefined ? [] : ['        "Content-Type": "application/json",']),
		'    },',
		...(body === undefined ? [] : [`    data=json.dumps(${toPythonValue(body)}).encode(),`]),
		')',
		'with urllib.request.urlopen(request) as response:',
		'    print(json.load(response))',
	].join('\n')
}

function toPythonValue(value: unknown): string {
	if (value === null) return 'None'
	if (typeof value === 'boolean') return value ? 'True' : 'False'
	if (typeof value !== 'object') return JSON.stringify(value)
	if (Array.isArray(value)) return `[${value.map(toPythonValue).join(', ')}]`
	return `{${Object.entries(value)
		.map(([key, one]) => `${JSON.stringify(key)}: ${toPythonValue(one)}`)
		.join(', ')}}`
}

function toPhp(url: string, { method, body }: Call): string {
	return [
		'<?php',
		`$curl = curl_init('${url}');`,
		'curl_setopt_array($curl, [',
		`    CURLOPT_CUSTOMREQUEST => '${method}',`,
		'    CURLOPT_RETURNTRANSFER => true,',
		'    CURLOPT_FAILONERROR => true,',
		'    CURLOPT_HTTPHEADER => [',
		"        'Authorization: User ' . getenv('SHOPBELL_USER')",
		"            . ', Organization ' . getenv('SHOPBELL_ORGANIZATION'),",
		...(body === undefined ? [] : ["        'Content-Type: application/json',"]),
		'    ],',
		...(body === undefined ? [] : [`    CURLOPT_POSTFIELDS => '${JSON.stringify(body)}',`]),
		']);',
		'$body = curl_exec($curl);',
		'if ($body === false) throw new RuntimeException(curl_error($curl));',
		'print_r(json_decode($body, true));',
	].join('\n')
}
