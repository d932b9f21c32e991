/** Views of signing in. */
import type { Child } from 'hono/jsx'
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { authenticationOperations } from '../../../api/authentication/operations.ts'
import { MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from '../../../accounts/passwords.ts'
import type { FieldProblem } from '../../../lib/values.ts'
import { NarrowFrame } from '../../frame.tsx'
import type { PageMessage } from '../../http/environment.ts'

type AuthenticationOperations = typeof authenticationOperations
type Link = OperationResponse<AuthenticationOperations['getLink']>

/** An organization that an account belongs to. */
export interface Organization {
	id: number
	name: string
}

const PASSWORD_HINT = `${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters.`

interface SessionFormProps {
	csrf: string
	/** Where to go after signing in. */
	next: string
	username?: string
	/** What was typed into a form whose session had ended, sealed. */
	typed?: string | null
	/** To choose from, after the password was right for several. */
	organizations?: readonly Organization[]
}

/** The form that signs in. */
export function SessionForm({ csrf, next, username = '', typed = null, organizations = [] }: SessionFormProps) {
	return (
		<form method='post' action='/sign-in'>
			<input type='hidden' name='csrf' value={csrf} />
			<input type='hidden' name='next' value={next} />
			{typed === null ? null : <input type='hidden' name='typed' value={typed} />}
			<TextField name='username' label='E-mail address' type='email' autocomplete='username' value={username} />
			<TextField name='password' label='Password' type='password' autocomplete='current-password' />
			{organizations.length === 0 ? null : (
				<div class='field'>
					<label for='organization'>Organization</label>
					<select id='organization' name='organization'>
						{organizations.map(({ id, name }) => (
							<option value={String(id)}>{name}</option>
						))}
					</select>
				</div>
			)}
			<button class='btn primary'>Sign in</button>
		</form>
	)
}

/** The page of `/sign-in`. */
export function SignInPage({
	hasCookies,
	message = null,
	error = null,
	...form
}: SessionFormProps & { hasCookies: boolean; message?: PageMessage | null; error?: string | null }) {
	return (
		<NarrowFrame title='Sign in' unlisted>
			<h1>Sign in</h1>
			{message === null ? null : <p class={`notice ${message.kind}`}>{message.text}</p>}
			{error === null ? null : (
				<p class='notice bad' role='alert'>
					{error}
				</p>
			)}
			{hasCookies ? null : <InsecureNotice />}
			<SessionForm {...form} />
			<p class='meta'>
				Forgot your password, or no account yet? Ask an admin of your organization for a link. API keys are made with
				the{' '}
				<a class='link' href='/docs'>
					API
				</a>
				.
			</p>
		</NarrowFrame>
	)
}

function InsecureNotice() {
	return (
		<p class='notice warn' role='alert'>
			Open this page over https. Browsers do not keep the cookie of a session that comes over http.
		</p>
	)
}

interface SetupPageProps {
	csrf: string
	hasCookies: boolean
	/** What was typed. */
	values: URLSearchParams
	problems?: readonly FieldProblem[]
}

/** The page of the first run. */
export function SetupPage({ csrf, hasCookies, values, problems = [] }: SetupPageProps) {
	const field = (name: string): { name: string; value: string; problem: string | null } => ({
		name,
		value: values.get(name) ?? '',
		problem: problems.find((problem) => problem.field === name)?.message ?? null,
	})
	return (
		<NarrowFrame title='Set up Shopbell' unlisted>
			<h1>Set up Shopbell</h1>
			<p>Create the first organization and its admin. This is possible once.</p>
			{hasCookies ? null : <InsecureNotice />}
			<form method='post' action='/set-up'>
				<input type='hidden' name='csrf' value={csrf} />
				<TextField
					{...field('token')}
					value=''
					label='Set-up token'
					type='password'
					autocomplete='off'
					hint='The value of SETUP_TOKEN of this deployment.'
				/>
				<TextField {...field('organizationName')} label='Organization' autocomplete='organization' />
				<TextField {...field('firstName')} label='First name' autocomplete='given-name' />
				<TextField {...field('lastName')} label='Last name' autocomplete='family-name' />
				<TextField {...field('email')} label='E-mail address' type='email' autocomplete='username' />
				<TextField
					{...field('password')}
					value=''
					label='Password'
					type='password'
					autocomplete='new-password'
					hint={PASSWORD_HINT}
				/>
				<button class='btn primary'>Create the organization</button>
			</form>
		</NarrowFrame>
	)
}

/** The page of a one-time link. `link` null: it is not valid. */
export function LinkPage({ csrf, link, problem }: { csrf: string; link: Link | null; problem?: FieldProblem }) {
	if (link === null)
		return (
			<NarrowFrame title='This link is not valid' unlisted>
				<h1>This link is not valid</h1>
				<p>It was already used or replaced, has expired after 7 days, or is invalid. Ask for a new one.</p>
				<p>
					<a class='link' href='/sign-in'>
						Sign in
					</a>
				</p>
			</NarrowFrame>
		)
	const title = `Set a password for ${link.emailAddress}`
	const error = (name: string): string | null => (problem?.field === name ? problem.message : null)
	return (
		<NarrowFrame title={title} unlisted>
			<h1>{title}</h1>
			<p>
				{link.purpose === 'invitation'
					? `You are invited to ${link.organizationName}.`
					: `For your account at ${link.organizationName}. It ends all of your sessions.`}
			</p>
			<form method='post'>
				<input type='hidden' name='csrf' value={csrf} />
				<input type='hidden' name='username' autocomplete='username' value={link.emailAddress} />
				<TextField
					name='password'
					label='Password'
					type='password'
					autocomplete='new-password'
					hint={PASSWORD_HINT}
					problem={error('password')}
				/>
				<TextField
					name='repeated'
					label='Repeat the password'
					type='password'
					autocomplete='new-password'
					problem={error('repeated')}
				/>
				<button class='btn primary'>Set the password</button>
			</form>
		</NarrowFrame>
	)
}

interface TextFieldProps {
	name: string
	label: string
	type?: 'text' | 'email' | 'password'
	autocomplete: string
	value?: string
	hint?: Child
	problem?: string | null
}

function TextField({ name, label, type = 'text', autocomplete, value, hint, problem = null }: TextFieldProps) {
	const described = [hint === undefined ? null : `${name}-hint`, problem === null ? null : `${name}-error`]
	return (
		<div class='field'>
			<label for={name}>{label}</label>
			<input
				id={name}
				name={name}
				type={type}
				autocomplete={autocomplete}
				value={value}
				required
				aria-invalid={problem === null ? undefined : 'true'}
				aria-describedby={described.filter((id) => id !== null).join(' ') || undefined}
			/>
			{hint === undefined ? null : (
				<p class='hint' id={`${name}-hint`}>
					{hint}
				</p>
			)}
			{problem === null ? null : (
				<p class='wrong' id={`${name}-error`}>
					{problem}
				</p>
			)}
		</div>
	)
}
