import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { createKeyFinder } from '../../src/upstream/key-finder.ts';
import { parsePart } from '../../src/upstream/partial-json.ts';
import { createQuote } from '../../src/upstream/quote.ts';
import { readCheck, readRefusal, readSubmit } from '../../src/upstream/reader.ts';
import {
  codeNames,
  reasonNames,
  requestIdNames,
  statusNames,
  taskIdNames,
  wrapperNames,
} from '../../src/upstream/reply-words.ts';

// Thousands of replies and megabytes take long on a busy machine, and say nothing about how fast it is.
vi.setConfig({ testTimeout: 120_000 });

const key = createKeyFinder('sk-test-4f9d1c');
const quote = createQuote(key);
const ours = 'video_1';
const url = 'https://videos.example.com/1.mp4';

const names = [
  ...[...taskIdNames, ...requestIdNames, ...statusNames, ...wrapperNames, ...reasonNames, ...codeNames],
  ...['video_url', 'url', 'video', 'videos', 'object', 'model', 'duration', '__proto__', 'constructor', 'toString'],
];
const words = ['completed', 'failed', 'error', 'success', 'done', 'cancelled', 'rejected', 'processing', 'archived'];
const texts = [
  ...words,
  url,
  'video',
  'Too many requests',
  'rejected by content moderation',
  'sk-test-4f9d1c',
  '0',
  '',
];

/** Random values of names and words, known to the reader and unknown. */
const { value: anyJson } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(...texts, null, true, false, 0, 1, -1, 1e308, Number.MAX_SAFE_INTEGER),
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.double(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 5 })), tie('value'), { maxKeys: 6 }),
  ),
}));

const terminal = ['COMPLETED', 'FAILED', 'CANCELLED'];

/** Whether an id stands anywhere in a reply. */
const isNamed = (json: unknown, id: string): boolean => JSON.stringify([json]).includes(JSON.stringify(id));

test('no JSON breaks the reader, and what is read is bounded', () => {
  fc.assert(
    fc.property(anyJson, fc.boolean(), fc.boolean(), (json, accepted, whole) => {
      const submitted = readSubmit(json, { accepted, whole }, quote);
      expect(submitted.upstreamId?.length ?? 0).toBeLessThanOrEqual(255);
      expect(submitted.upstreamStatus?.length ?? 0).toBeLessThanOrEqual(100);
      const refusal = readRefusal(json, '', quote);
      expect(refusal.text?.length ?? 0).toBeLessThanOrEqual(500);
      expect(refusal.text ?? '').not.toContain('sk-test-4f9d1c');
      const seen = readCheck(json, ours, quote);
      expect(seen?.error?.length ?? 0).toBeLessThanOrEqual(500);
      expect(seen?.videoUrl?.length ?? 0).toBeLessThanOrEqual(8_000);
      expect(seen?.durationSeconds ?? 1).toBeGreaterThan(0);
    }),
    { numRuns: 2_000 },
  );
});

test('no JSON without an id ends a task, unless it evidently describes a task', () => {
  const evidence = /"(?:object|model|video|videos|video_url|videoUrl|task_result)":|https:|moderat|reject/;
  fc.assert(
    fc.property(anyJson, (json) => {
      const seen = readCheck(json, 'an id that is nowhere', quote);
      if (seen && seen.otherIds.length === 0 && terminal.includes(seen.status)) {
        expect(JSON.stringify(json)).toMatch(evidence);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('no JSON that names another task, and ours nowhere, is taken for ours', () => {
  const other = fc.constantFrom('video_2', 'VIDEO_1', 'video_10', 2);
  const reply = fc.record({ id: other, status: fc.constantFrom(...words), more: anyJson, url: fc.constant(url) });
  fc.assert(
    fc.property(reply, fc.constantFrom('', ...wrapperNames), ({ id, status, more, url: link }, wrapper) => {
      fc.pre(!isNamed(more, ours));
      const body = { id, status, video_url: link, more };
      const seen = readCheck(wrapper === '' ? body : { status: 'success', [wrapper]: body }, ours, quote);
      expect(seen === null || seen.otherIds.length > 0).toBe(true);
    }),
  );
});

test('no text breaks the reader of what has arrived, and every prefix of a reply tells no other id', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      readSubmit(parsePart(text), { accepted: true, whole: false }, quote);
      readSubmit(parsePart(`{"id":${text}`), { accepted: false, whole: false }, quote);
    }),
  );
  const whole = JSON.stringify({
    user: { id: 'u_1' },
    note: '{"id":"x"} \\',
    list: [{ id: 'y' }],
    id: 'video_7',
    n: 1,
  });
  for (let end = 0; end <= whole.length; end++) {
    const { upstreamId } = readSubmit(parsePart(whole.slice(0, end)), { accepted: true, whole: false }, quote);
    expect(upstreamId).toBe(end < whole.indexOf('"video_7"') + 9 ? null : 'video_7');
  }
});

const megabyte = 1024 * 1024;

/** Replies of a size that are made to take long. */
const heavy: Record<string, (size: number) => string> = {
  'open brackets': (size) => '['.repeat(size),
  'open objects': (size) => '{"data":'.repeat(size / 8),
  'nested lists': (size) => '['.repeat(size / 2) + ']'.repeat(size / 2),
  'a string without an end': (size) => `{"id":"${'\\'.repeat(size)}`,
  'many strings': (size) => `{"id":[${'"",'.repeat(size / 3)}`,
  'many keys': (size) => `{${Array.from({ length: size / 12 }, (_, index) => `"k${index}":1`).join(',')}}`,
  'one key again and again': (size) => `{${'"error":{},'.repeat(size / 11)}"x":1}`,
  spaces: (size) => `{"error":"${' '.repeat(size)}x"}`,
  'spaces without JSON': (size) => ' '.repeat(size),
  'a long reason': (size) => JSON.stringify({ status: 'failed', error: 'content violates the '.repeat(size / 22) }),
  'lines of a stack': (size) => JSON.stringify({ error: '\n   at'.repeat(size / 8) }),
  'beginnings of the key': (size) => JSON.stringify({ error: 'sk-test-4f9d1'.repeat(size / 13) }),
  'percent signs': (size) => JSON.stringify({ error: '%25'.repeat(size / 3) }),
  'a long link': (size) => JSON.stringify({ status: 'done', url: `https://a/${'a'.repeat(size)}` }),
  words: (size) => JSON.stringify({ status: ' _-'.repeat(size / 3) }),
};

function readAll(text: string): void {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  readSubmit(json ?? parsePart(text), { accepted: true, whole: json !== undefined }, quote);
  readCheck(json, ours, quote);
  readRefusal(json ?? parsePart(text), text, quote);
}

test.each(Object.entries(heavy))('a megabyte of %s is read in time that grows with its size', (_, make) => {
  // A quadratic reader takes longer than the test may.
  expect(() => readAll(make(megabyte))).not.toThrow();
});

test('a reply whose fields have the names of methods is read', () => {
  const methods = { toString: 1, valueOf: 1, toJSON: 1 };
  for (const name of [...names, 'success', 'retry_after', 'progress', 'actualDuration']) {
    for (const status of ['failed', 'completed', methods]) {
      const json = { id: ours, status, data: { [name]: methods }, [name]: methods };
      expect(() => readSubmit(json, { accepted: true, whole: true }, quote)).not.toThrow();
      expect(() => readCheck(json, ours, quote)).not.toThrow();
      expect(() => readRefusal(json, '', quote)).not.toThrow();
    }
  }
});
