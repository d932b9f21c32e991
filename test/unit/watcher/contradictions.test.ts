/** Reads that earlier answers contradict. */
import { expect, test } from 'vitest'
import { findContradiction } from '../../../src/watcher/changes/contradictions.ts'
import { knownObject, NOW_MS, NOW_SEC, observed, observedGone, sampleContent } from './gate-fixtures.ts'

const before = { goneAtMs: NOW_MS - 10_000 }

test.each([
	['is there again', knownObject({ state: 'gone' }), observed(), {}, '12 was gone, and is there again'],
	['was not found just before', knownObject(), observed(), before, '12 was not found, and is there'],
	['is listed again', knownObject({ state: 'unlisted' }), observed(), {}, '12 was in no list, and is in one again'],
	['is as it was', knownObject(), observed(), {}, null],
	['is new', null, observed(), before, null],
	['has a newer date', knownObject({ state: 'gone' }), observed({ modifiedSec: NOW_SEC }), {}, null],
	['has changed', knownObject({ state: 'gone' }), observed({ content: sampleContent({ name: 'Cup' }) }), {}, null],
	['was read before it was accepted', knownObject({ state: 'gone', asOfMs: NOW_MS }), observed(), {}, null],
	['comes with a webhook', knownObject(), observed({ via: 'hook' }), before, null],
	['is gone', knownObject(), observedGone(), before, null],
])('an object that %s', (_, known, seen, check, found) => {
	expect(findContradiction(known, seen, check)).toBe(found)
})
