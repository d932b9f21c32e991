/** Views of signing in. */
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { authenticationOperations } from '../../../api/authentication/operations.ts'
import { MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from '../../../accounts/passwords.ts'
import type { FieldProblem } from '../../../lib/values.ts'
import { NarrowFrame } from '../../frame.tsx'
import type { PageMessage } from '../../http/environment.ts'
import { Button } from '../../parts/button.tsx'
import { Field, Select } from '../../parts/field.tsx'
import { findProblem, Form } from '../../parts/form.tsx'
import { Notice } from '../../parts/notice.tsx'

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
function SessionForm({ csrf, next, username = '', typed = null, organizations = [] }: SessionFormProps) {
	return (
		<Form csrf={csrf} action='/sign-in'>
			<input type='hidden' name='next' value={next} />
			{typed === null ? null : <input type='hidden' name='typed' value={typed} />}
			<Field
				name='username'
				label='E-mail address'
				type='email'
				value={username}
				required
				attributes={{ autocomplete: 'username' }}
			/>
			<Field name='password' label='Password' secret required attributes={{ autocomplete: 'current-password' }} />
			{organizations.length === 0 ? null : (
				<Select
					name='organization'
					label='Organization'
					options={organizations.map(({ id, name }) => ({ value: String(id), label: name }))}
				/>
			)}
			<Button kind='primary'>Sign in</Button>
		</Form>
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
			{message === null ? null : <Notice tone={message.kind}>{message.text}</Notice>}
			{error === null ? null : (
				<Notice tone='bad' alert>
					{error}
				</Notice>
			)}
			{hasCookies ? null : <InsecureNotice />}
			<SessionForm {...form} />
			<p class='meta'>Forgot your password, or no account yet? Ask an admin of your organization for a link.</p>
		</NarrowFrame>
	)
}

function InsecureNotice() {
	return (
		<Notice tone='warn' alert>
			Open this page over https. Browsers do not keep the cookie of a session that comes over http.
		</Notice>
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
	const field = (name: string): { name: string; required: true; value: string; error: string | null } => ({
		name,
		required: true,
		value: values.get(name) ?? '',
		error: findProblem(problems, name),
	})
	return (
		<NarrowFrame title='Set up Shopbell' unlisted>
			<h1>Set up Shopbell</h1>
			<p>Create the first organization and its admin. This is possible once.</p>
			{hasCookies ? null : <InsecureNotice />}
			<Form csrf={csrf} action='/set-up' problems={problems}>
				<Field {...field('token')} label='Set-up token' secret hint='The value of SETUP_TOKEN of this deployment.' />
				<Field {...field('organizationName')} label='Organization' attributes={{ autocomplete: 'organization' }} />
				<div class='pair'>
					<Field {...field('firstName')} label='First name' attributes={{ autocomplete: 'given-name' }} />
					<Field {...field('lastName')} label='Last name' attributes={{ autocomplete: 'family-name' }} />
				</div>
				<Field {...field('email')} label='E-mail address' type='email' attributes={{ autocomplete: 'username' }} />
				<Field
					{...field('password')}
					label='Password'
					secret
					hint={PASSWORD_HINT}
					attributes={{ autocomplete: 'new-password' }}
				/>
				<Button kind='primary'>Create the organization</Button>
			</Form>
		</NarrowFrame>
	)
}

/** The page of a one-time link. `link` null: it is not valid. */
export function LinkPage({
	csrf,
	action,
	link,
	problem,
}: {
	csrf: string
	/** The link's own path. */
	action: string
	link: Link | null
	problem?: FieldProblem
}) {
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
			<Form csrf={csrf} action={action}>
				<input type='hidden' name='username' autocomplete='username' value={link.emailAddress} />
				<Field
					name='password'
					label='Password'
					secret
					required
					hint={PASSWORD_HINT}
					error={error('password')}
					attributes={{ autocomplete: 'new-password' }}
				/>
				<Field
					name='repeated'
					label='Repeat the password'
					secret
					required
					error={error('repeated')}
					attributes={{ autocomplete: 'new-password' }}
				/>
				<Button kind='primary'>Set the password</Button>
			</Form>
		</NarrowFrame>
	)
}
