import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import { openDatabase } from '../../src/database/database.ts';
import { createTaskStore } from '../../src/database/prisma-task-store.ts';
import { type FailureCode, failures } from '../../src/tasks/failures.ts';
import { type TaskStatus, taskStatuses, type VideoTask } from '../../src/tasks/task.ts';
import type { TaskStore } from '../../src/tasks/task-store.ts';
import { anOrder, createTestApp, submitDocument } from '../support/app.ts';
import { closedPort } from '../support/closed-port.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { createTestDomain, ordersWith, trackerWith } from '../support/domain.ts';
import { held } from '../support/held-answer.ts';
import { dataUri, png } from '../support/images.ts';
import { failing, localCaller } from '../support/local-caller.ts';
import { silentLog } from '../support/log.ts';
import { type Answer, apiKey, halfBody, hang, reply, reset, startUpstream } from '../support/upstream.ts';

const accepted = reply(200, { id: 'video_7', status: 'Queued' });

/** The rows as another process sees them. */
async function anotherConnection(databaseUrl: string): Promise<TaskStore> {
  const database = await openDatabase(databaseUrl, silentLog);
  onTestFinished(() => database.close());
  return createTaskStore(database.client);
}

const everyRow = (store: TaskStore): Promise<VideoTask[]> => store.list({}, { limit: 100, inverted: false });

async function onlyRow(databaseUrl: string): Promise<VideoTask> {
  const rows = await everyRow(await anotherConnection(databaseUrl));
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

/** All that SQLite has written, whether it stands in the database, its log or beside them. */
function rawText(databaseUrl: string): string {
  const path = databaseUrl.slice('file:'.length);
  const files = readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path)));
  return files.map((name) => readFileSync(join(dirname(path), name), 'latin1')).join('\n');
}

const settings = { GROK_SUBMIT_TIMEOUT_MS: '300' };

test.each(databaseProviders)('the order is in the %s database before the paid call is answered', async (provider) => {
  const databaseUrl = await freshDatabase(provider);
  const { query, upstream } = await createTestApp({ databaseUrl });
  const store = await anotherConnection(databaseUrl);
  const { answer, arrived, release } = held(accepted);
  upstream.onSubmit = answer;
  const answered = query(submitDocument, { input: anOrder });
  await arrived;
  const [during] = await everyRow(store);
  expect(during).toMatchObject({ status: 'SUBMITTING', prompt: 'A paper boat', upstreamId: null, submittedAt: null });
  expect(during?.leasedUntil?.getTime()).toBeGreaterThan(Date.now());
  expect(during?.nextCheckAt).toEqual(during?.leasedUntil);

  release();
  const { data } = await answered;
  expect(data.submitVideo.task).toMatchObject({ id: during?.id, status: 'QUEUED', upstreamId: 'video_7' });
  expect(await everyRow(store)).toMatchObject([
    { id: during?.id, status: 'QUEUED', upstreamId: 'video_7', upstreamStatus: 'Queued', leasedUntil: null },
  ]);
});

test('an accepted order is checked for the first time when the schedule says', async () => {
  const upstream = await startUpstream();
  const { submit, clock, parts } = await createTestDomain(upstream);
  const task = await submit();
  expect(task.submittedAt).toEqual(clock.now);
  expect(task.nextCheckAt).toEqual(new Date(clock.now.getTime() + parts.schedule.firstCheckMs));
});

type Outcome = [what: string, answer: Answer, status: TaskStatus, code: FailureCode];

const outcomes: Outcome[] = [
  ['HTTP 400', reply(400, { message: 'bad prompt' }), 'FAILED', 'UPSTREAM_REFUSED'],
  ['HTTP 401', reply(401), 'FAILED', 'UPSTREAM_ACCESS_DENIED'],
  ['HTTP 402', reply(402), 'FAILED', 'UPSTREAM_PAYMENT_REQUIRED'],
  ['HTTP 403', reply(403), 'FAILED', 'UPSTREAM_ACCESS_DENIED'],
  ['HTTP 404', reply(404), 'FAILED', 'UPSTREAM_REFUSED'],
  ['HTTP 429', reply(429, '', { 'retry-after': '1' }), 'FAILED', 'UPSTREAM_RATE_LIMITED'],
  ['HTTP 500', reply(500), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['HTTP 302', reply(302, '', { location: '/' }), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['a reset', reset, 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['no answer', hang, 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
  ['an unreadable answer', reply(200, '<html>'), 'UNCONFIRMED', 'SUBMISSION_UNCONFIRMED'],
];

test.each(outcomes)('after %s the row and the answer say the same: what is known', async (_, answer, status, code) => {
  const { query, upstream, databaseUrl } = await createTestApp({ settings });
  upstream.onSubmit = answer;
  const { data, errors } = await query(submitDocument, { input: anOrder });
  expect(errors).toBeUndefined();
  const { retryable, mayBeBilled } = failures[code];
  const { task } = data.submitVideo;
  expect(task).toMatchObject({ status, upstreamId: null, failure: { code, retryable, mayBeBilled } });

  const row = await onlyRow(databaseUrl);
  expect(row).toMatchObject({ id: task.id, status, failureCode: code, failureMessage: task.failure.message });
  expect(row).toMatchObject({ upstreamId: null, submittedAt: null, nextCheckAt: null, leasedUntil: null });
  expect(row.completedAt !== null).toBe(taskStatuses[status].terminal);
  expect(upstream.submits).toHaveLength(1);
});

test('an order that could not be sent has failed, may be ordered again and costs nothing', async () => {
  const settings = { GROK_API_BASE_URL: `http://127.0.0.1:${await closedPort()}` };
  const { query, databaseUrl } = await createTestApp({ settings });
  const { data } = await query(submitDocument, { input: anOrder });
  const { retryable, mayBeBilled } = failures.UPSTREAM_UNREACHABLE;
  expect(data.submitVideo.task).toMatchObject({
    status: 'FAILED',
    failure: { code: 'UPSTREAM_UNREACHABLE', retryable, mayBeBilled },
  });
  expect(await onlyRow(databaseUrl)).toMatchObject({ status: 'FAILED', failureCode: 'UPSTREAM_UNREACHABLE' });
});

test('an id in half an answer is kept, and its task is followed to its video', async () => {
  const { query, upstream, databaseUrl } = await createTestApp({ started: true });
  upstream.onSubmit = halfBody('{"id":"video_7","object":"vid');
  const { data } = await query(submitDocument, { input: anOrder });
  expect(data.submitVideo.task).toMatchObject({ status: 'QUEUED', upstreamId: 'video_7', failure: null });
  const store = await anotherConnection(databaseUrl);
  await expect.poll(async () => (await everyRow(store))[0]?.status, { timeout: 5_000 }).toBe('COMPLETED');
  expect(upstream.submits).toHaveLength(1);
  expect(new Set(upstream.checks)).toEqual(new Set(['video_7']));
});

test.each(databaseProviders)('what %s cannot store in an answer does not lose the id in it', async (provider) => {
  const databaseUrl = await freshDatabase(provider);
  const { query, upstream } = await createTestApp({ databaseUrl });
  upstream.onSubmit = reply(200, { id: 'video_7', status: 'queued\u0000' });
  await query(submitDocument, { input: anOrder });
  expect(await onlyRow(databaseUrl)).toMatchObject({ status: 'QUEUED', upstreamId: 'video_7' });
});

test.each(databaseProviders)(
  'a prompt with a character that not every database stores is refused, on %s',
  async (provider) => {
    const databaseUrl = await freshDatabase(provider);
    const { query, upstream } = await createTestApp({ databaseUrl });
    const { errors } = await query(submitDocument, { input: { grokVideo3: { prompt: 'A paper\u0000boat' } } });
    expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect(upstream.submits).toEqual([]);
  },
);

test('of an inline image only the kind, the size and the fingerprint are stored', async () => {
  const { query, upstream, databaseUrl } = await createTestApp();
  const bytes = png('this image is for nobody else to see');
  const inline = dataUri('image/png', bytes);
  const link = 'https://images.example.com/1.png';
  const prompt = 'A boat that is easy to find in a file';
  const { data } = await query(submitDocument, {
    input: { grokVideo3: { prompt, images: [{ dataUri: inline }, { url: link }] } },
  });
  expect(data.submitVideo.task.status).toBe('QUEUED');
  expect(upstream.submits[0]).toMatchObject({ image_urls: [inline, link] });

  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const { id, mode } = await onlyRow(databaseUrl);
  expect(mode).toBe('IMAGE_TO_VIDEO');
  expect(await (await anotherConnection(databaseUrl)).findReferenceImages(id)).toEqual([
    { kind: 'INLINE', mimeType: 'image/png', sizeBytes: bytes.length, sha256 },
    { kind: 'URL', url: link },
  ]);
  const stored = rawText(databaseUrl);
  // What is stored can be found there; the image cannot, in either form.
  for (const present of [prompt, sha256, link]) expect(stored).toContain(present);
  for (const absent of [bytes.toString('base64').slice(0, 24), 'this image is for nobody else']) {
    expect(stored).not.toContain(absent);
  }
});

/** What an upstream that echoes the Authorization header may do with it, and what may put a request into an error. */
const leaks: [string, (echo: string) => object][] = [
  ['the key in a refusal', (echo) => ({ onSubmit: reply(400, { error: { message: `bad header ${echo}` } }) })],
  ['the key in a lost answer', (echo) => ({ onSubmit: reply(502, { message: `bad header ${echo}` }) })],
  ['the key in a status', (echo) => ({ onSubmit: reply(200, { id: 'video_7', status: `seen ${echo}` }) })],
  ['the key in a failure', (echo) => ({ onCheck: reply(200, { status: 'failed', error: `seen ${echo}` }) })],
  ['a submit that breaks off', () => ({ onSubmit: reset })],
  ['a check that breaks off', () => ({ onCheck: reset })],
  ['the key in a refused check', (echo) => ({ onCheck: reply(404, { message: `seen ${echo}` }) })],
];

test.each(leaks)('with %s, the key is in no row and in no log', async (_, behaviour) => {
  const upstream = Object.assign(await startUpstream(), behaviour(`Bearer ${apiKey}`));
  const databaseUrl = await freshDatabase();
  const { parts, clock } = await createTestDomain(upstream, { databaseUrl });
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line) => void lines.push(line) });
  const logged = { ...parts, log };
  const request = requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' });
  const { id } = (await ordersWith(logged).submit(localCaller, { request, options: failing })).task;
  for (let round = 0; round < 3; round++) {
    clock.now = new Date(clock.now.getTime() + 45_000);
    await trackerWith(logged, { concurrency: 1, leaseMs: 1, pollMs: 1 }).checkDue();
  }
  expect(rawText(databaseUrl)).toContain(id);
  expect(rawText(databaseUrl)).not.toContain(apiKey);
  expect(lines.join('')).toContain(id);
  expect(lines.join('')).not.toContain(apiKey);
});
