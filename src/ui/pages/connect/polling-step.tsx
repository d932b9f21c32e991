/** Step 3: what is polled. */
import { Button } from '../../parts/button.tsx'
import { Choice, Field, Lines, Select, Switch } from '../../parts/field.tsx'
import { Icon } from '../../parts/icon.tsx'
import { formatExact, formatNumber } from '../../parts/text.ts'
import { Time } from '../../parts/time.tsx'
import { FIELD_NAMES, toRowName } from './model/fields.ts'
import { BACKFILL, POLLER, ROW_FIELDS, VARIATIONS, type ResourceRow } from './model/form.ts'
import { Part, type PartProps } from './part.tsx'
import { toCheckAttributes } from './store-step.tsx'
import { errorOf, type FormView, type StoreCheck } from './view.ts'

type CheckedResource = StoreCheck['resources'][number]

/** The fields of the step. */
export function PollingFields({ view }: { view: FormView }) {
	return (
		<div class='with-events'>
			<PollingPart view={view} />
			<VariationsPart view={view} />
			{view.instanceId === null ? <ExistingPart view={view} /> : null}
		</div>
	)
}

/** All rows, or the JSON that they mean. */
export function PollingPart({ view, oob = false }: PartProps<FormView>) {
	return (
		<Part id='cf-polling' oob={oob}>
			{view.form.json === null ? <Rows view={view} /> : <JsonEditor view={view} json={view.form.json} />}
		</Part>
	)
}

function Rows({ view }: { view: FormView }) {
	const error = errorOf(view, POLLER)
	return (
		<>
			{error === null ? null : <Wrong text={error} />}
			<div class='resources' {...toCheckAttributes(view)}>
				{view.form.rows.map((row, index) => (
					<Row view={view} row={row} index={index} />
				))}
			</div>
			<AddResource view={view} />
		</>
	)
}

function Row({ view, row, index }: { view: FormView; row: ResourceRow; index: number }) {
	const name = row.label.trim() || `resource ${index + 1}`
	return (
		<div class='row' role='group' aria-label={name}>
			<Switch name={toRowName(index, 'on')} label={`Poll ${name}`} hideLabel checked={row.on} />
			<RowCells view={view} row={row} index={index} />
			<RowDetails view={view} row={row} index={index} />
		</div>
	)
}

interface RowProps extends PartProps<FormView> {
	row: ResourceRow
	index: number
}

/** The pencil and what is behind it: open where something in it is to correct. */
function RowDetails({ view, row, index, oob = false }: RowProps) {
	const title = `Edit ${row.label.trim() || `resource ${index + 1}`}`
	return (
		<details
			class='edit'
			id={`cf-edit-${index}`}
			open={isRowWrong(view, index) || view.openRow === index}
			hx-swap-oob={oob ? 'outerMorph' : undefined}
		>
			<summary aria-label={title} title={title}>
				<Icon name='pencil' />
			</summary>
			<RowFields view={view} row={row} index={index} />
		</details>
	)
}

/** A row in the response of an act. A pencil stays as a person left it, unless something behind it is to correct. */
export function RowParts({ view, row, index }: RowProps) {
	return (
		<>
			<RowCells view={view} row={row} index={index} oob />
			{isRowWrong(view, index) ? (
				<RowDetails view={view} row={row} index={index} oob />
			) : (
				<RowFields view={view} row={row} index={index} oob />
			)}
		</>
	)
}

function isRowWrong(view: FormView, index: number): boolean {
	return ROW_FIELDS.some((field) => errorOf(view, toRowName(index, field)) !== null)
}

/** The name of a resource, what was found, and what it costs. */
function RowCells({ view, row, index, oob = false }: RowProps) {
	const found = findChecked(view, row)
	return (
		<Part id={`cf-row-${index}`} oob={oob} inline>
			<b class='label-of'>{row.label.trim() || '–'}</b>
			<span class='soft found-of'>{found === null || !row.on ? null : <Found found={found} now={view.now} />}</span>
			<span class='soft num cost-of'>
				{found?.requestsPerDay == null || !row.on ? null : `${formatNumber(found.requestsPerDay)} a day`}
			</span>
		</Part>
	)
}

function Found({ found, now }: { found: CheckedResource; now: number }) {
	const [problem] = found.problems
	if (problem !== undefined) return <span class='wrong'>Cannot be polled: open it with the pencil</span>
	if (found.total === null) return <>not checked</>
	const newest = found.dates.find(({ utc }) => utc !== null)
	if (!found.dated) return <>{formatNumber(found.total)} found, no modified date: all are read again</>
	return (
		<>
			{formatNumber(found.total)} found
			{newest === undefined ? null : (
				<>
					, newest <Time at={newest.utc} now={now} />
				</>
			)}
		</>
	)
}

/** The fields behind the pencil. */
function RowFields({ view, row, index, oob = false }: RowProps) {
	const text = (field: (typeof ROW_FIELDS)[number], label: string, hint?: string, placeholder?: string) => (
		<Field
			name={toRowName(index, field)}
			label={label}
			value={row[field]}
			error={errorOf(view, toRowName(index, field))}
			hint={hint}
			attributes={{ autocomplete: 'off', placeholder }}
		/>
	)
	const isDefault = view.catalog.resources.some(({ preset, settings }) => preset && settings.url === row.url)
	return (
		<Part id={`cf-fields-${index}`} oob={oob}>
			{text('label', 'Resource to Poll', 'Its name in events, as objectType. Rename it as your receiver expects.')}
			{text('url', 'URL', 'The collection, with a where if only some of it counts.')}
			{text('idField', 'ID Field', undefined, 'id')}
			<fieldset>
				<legend>Advanced Filtering</legend>
				<div class='pair'>
					{text('updatedDateField', 'Updated Date Field', undefined, 'date_modified')}
					{text('updatedDateFormat', 'Updated Date Format', undefined, "yyyy-MM-dd'T'HH:mm:ss")}
					{text('updatedDateTimezone', 'Updated Date Time Zone', undefined, 'UTC')}
					{text('createdDateField', 'Created Date Field', undefined, 'date_created')}
					{text('createdDateFormat', 'Created Date Format', undefined, "yyyy-MM-dd'T'HH:mm:ss")}
					{text('createdDateTimezone', 'Created Date Time Zone', undefined, 'UTC')}
				</div>
				<Dates found={findChecked(view, row)} />
			</fieldset>
			{text('more', 'Other settings', 'As JSON: {"pageSize": 50, "pollDelay": 30, "ignore": ["meta_data.*"]}')}
			{isDefault ? null : (
				<div class='actions'>
					<Button small name='do' value={`remove.${index}`} icon='trash'>
						Remove {row.label.trim() || 'it'}
					</Button>
				</div>
			)}
		</Part>
	)
}

function Dates({ found }: { found: CheckedResource | null }) {
	if (found === null || found.dates.length === 0) return null
	return (
		<ul class='plain meta'>
			{found.dates.map(({ kind, field, value, utc }) => (
				<li>
					{kind === 'updated' ? 'Updated' : 'Created'}: the newest record has <code>{field}</code>{' '}
					{value === null ? 'empty' : <code>{value}</code>}
					{value === null ? null : utc === null ? (
						<span class='wrong'>, which cannot be read</span>
					) : (
						<>, read as {formatExact(Date.parse(utc))}</>
					)}
				</li>
			))}
		</ul>
	)
}

function AddResource({ view }: { view: FormView }) {
	const taken = new Set(view.form.rows.map(({ url }) => url))
	const listed =
		view.check?.collections ??
		view.catalog.resources.map(({ name, title, path }) => ({ label: name, title, url: path, total: null }))
	const options = listed
		.filter(({ url }) => !taken.has(url))
		.map(({ url, title, total }) => ({
			value: url,
			label: total === null ? title : `${title} (${formatNumber(total)})`,
		}))
	return (
		<div class='actions after'>
			<details class='adds'>
				<summary class='btn small'>
					<Icon name='plus' />
					Add a resource
				</summary>
				<div class='body'>
					<Select name='add' label='Collection' options={options} value={null}>
						<Button small name='do' value='add'>
							Add
						</Button>
					</Select>
					{view.check?.collections != null ? null : (
						<Button small kind='quiet' name='do' value='collections'>
							List the collections of this store
						</Button>
					)}
				</div>
			</details>
			<Button small name='do' value='json' icon='code-xml'>
				Edit as JSON
			</Button>
		</div>
	)
}

function JsonEditor({ view, json }: { view: FormView; json: string }) {
	return (
		<>
			<div {...toCheckAttributes(view)}>
				<Field
					name={POLLER}
					label='Configure Polling'
					rows={Math.min(30, Math.max(10, json.split('\n').length + 1))}
					wide
					value={json}
					error={errorOf(view, POLLER)}
					hint='A resource for each name. Its url says what is polled.'
				/>
			</div>
			<div class='actions'>
				<Button small name='do' value='rows' icon='arrow-left'>
					Back to the list
				</Button>
			</div>
		</>
	)
}

/** How changes of variations are sent. */
export function VariationsPart({ view, oob = false }: PartProps<FormView>) {
	const item = view.catalog.configuration.find(({ key }) => key === VARIATIONS)
	if (item?.options == null) return null
	return (
		<Part id='cf-variations' oob={oob}>
			<Select
				name={VARIATIONS}
				label='Variations of products'
				value={view.form.keys[VARIATIONS] ?? item.defaultValue ?? null}
				error={errorOf(view, VARIATIONS)}
				options={item.options.map(({ value, name }) => ({ value, label: name }))}
				hint='A variation has a price and stock of its own. Choose how a change of it reaches you.'
			/>
		</Part>
	)
}

/** Which of the objects that exist already are sent. */
export function ExistingPart({ view, oob = false }: PartProps<FormView>) {
	const { existing, existingSince } = view.form
	const isDate = existingSince === '' || /^\d{4}-\d\d-\d\d$/.test(existingSince)
	return (
		<Part id='cf-existing' oob={oob}>
			<Choice
				name={BACKFILL}
				label='Existing objects'
				value={existing}
				error={errorOf(view, BACKFILL)}
				options={[
					{ value: 'none', title: 'Skip them', text: 'Only changes from now on are sent.' },
					{ value: 'all', title: 'Send all', text: 'Each object is sent once as CREATED, then its changes.' },
					{ value: 'since', title: 'Send those since a date', text: 'Objects created then or later are sent once.' },
				]}
			/>
			<div class='if-since'>
				<Field
					name={FIELD_NAMES.since}
					label='Created since'
					type={isDate ? 'date' : 'text'}
					value={existingSince}
					error={errorOf(view, FIELD_NAMES.since)}
				/>
			</div>
		</Part>
	)
}

function Wrong({ text }: { text: string }) {
	return (
		<div class='field' role='alert'>
			<div class='wrong'>
				<Icon name='circle-alert' />
				<Lines text={text} />
			</div>
		</div>
	)
}

function findChecked({ check, form }: FormView, row: ResourceRow): CheckedResource | null {
	if (form.json !== null) return null
	return check?.resources.find(({ label }) => label === row.label.trim()) ?? null
}
