import { expect, onTestFinished, test } from 'vitest';
import { type Capability, capabilityOf, modelNames, models, optionsOf } from '../../src/catalogue/models.ts';
import { type Outcome, outcomeWords } from '../../src/sandbox/read-order.ts';
import { type SandboxSettings, startSandbox } from '../../src/sandbox/sandbox.ts';
import { fromTaskId, toTaskId } from '../../src/sandbox/sandbox-task-id.ts';
import { freeSandbox } from '../support/free-sandbox.ts';
import { inlinePng } from '../support/images.ts';

const link = (index: number) => `https://images.example.com/${index}.png`;
const inline = inlinePng();

/** What the vendor documents of its replies, as far as these tests look at it. */
interface Reply {
  readonly id: string;
  readonly status: string;
  readonly video_url: string | null;
  readonly actualDuration: number | null;
  readonly error: string | { readonly message: string } | null;
}

async function sandbox(limits: Partial<SandboxSettings> = {}) {
  const { url, stop } = await startSandbox({ ...freeSandbox, ...limits });
  const stopOnce = once(stop);
  onTestFinished(stopOnce);
  const headers = { authorization: 'Bearer any', 'content-type': 'application/json' };
  const read = async (response: Response) => ({ code: response.status, body: (await response.json()) as Reply });
  const post = (order: unknown) =>
    fetch(`${url}/v1/grok/videos`, { method: 'POST', headers, body: JSON.stringify(order) });
  return {
    url,
    stop: stopOnce,
    submit: async (order: unknown) => read(await post(order)),
    post,
    query: async (id: string) => read(await fetch(`${url}/v1/result/${id}`, { headers })),
  };
}

function once(action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= action();
    return done;
  };
}

/** The id of a task that was submitted so long ago. */
const idOfAge = (ageMs: number, outcome: Outcome = 'video'): string =>
  toTaskId({
    createdAtMs: Date.now() - ageMs,
    upstreamModel: models.GROK_VIDEO3.upstreamName,
    durationSeconds: 12,
    outcome,
  });

const upstreamFields = [
  ['duration', 'durationSeconds'],
  ['aspect_ratio', 'aspectRatio'],
  ['resolution', 'resolution'],
] as const;

/** Values next to those a model accepts, and in the gaps between them. */
function neighboursOf(values: readonly (string | number)[]): unknown[] {
  const numbers = values.filter((value) => typeof value === 'number');
  if (numbers.length === 0) return [`${values[0]} `, '0:0', 1];
  const lowest = Math.min(...numbers);
  const around = Array.from({ length: Math.max(...numbers) - lowest + 3 }, (_, index) => lowest - 1 + index);
  return [...around.filter((value) => !numbers.includes(value)), lowest + 0.5, String(lowest)];
}

const imagesOf = ({ images }: Capability, count: number): string[] =>
  Array.from({ length: count }, (_, index) => (index === 0 && images.forms.includes('dataUri') ? inline : link(index)));

test.each(modelNames)('%s takes every value of its row and no other', async (model) => {
  const { submit } = await sandbox();
  const order = { model: models[model].upstreamName, prompt: 'A paper boat' };
  expect((await submit(order)).code).toBe(200);
  for (const [field, option] of upstreamFields) {
    const { settable, values } = optionsOf(model)[option];
    for (const value of values) {
      expect((await submit({ ...order, [field]: value })).code, `${field} ${value}`).toBe(settable ? 200 : 400);
    }
    for (const value of neighboursOf(values)) {
      expect((await submit({ ...order, [field]: value })).code, `${field} ${value}`).toBe(400);
    }
  }
});

test.each(modelNames)('%s takes as many images as its row says, and in the form it says', async (model) => {
  const { submit } = await sandbox();
  const capability = capabilityOf(model);
  const { max, forms } = capability.images;
  const submitWith = async (image_urls: unknown) =>
    (await submit({ model: capability.upstreamName, prompt: 'A paper boat', image_urls })).code;
  expect(await submitWith(imagesOf(capability, max ?? 20))).toBe(200);
  if (max !== undefined) expect(await submitWith(imagesOf(capability, max + 1))).toBe(400);
  expect(await submitWith([inline])).toBe(forms.includes('dataUri') ? 200 : 400);
  for (const wrong of [[], link(1), ['http://127.0.0.1/1.png'], ['1.png']]) expect(await submitWith(wrong)).toBe(400);
});

test('a link to an uploaded image is taken wherever the service is, and no other private URL', async () => {
  const { submit } = await sandbox();
  const path = `/files/1796094000/${'A'.repeat(43)}/images/019accd0-0000-7000-8000-000000000000.png`;
  const submitWith = async (url: string) =>
    (await submit({ model: 'grok_video3_max', prompt: 'A paper boat', image_urls: [url] })).code;
  for (const origin of ['http://127.0.0.1:4000', 'http://[::1]:4000', 'https://videos.example.com'])
    expect(await submitWith(origin + path)).toBe(200);
  for (const other of ['/files/1/x/images/1.png', `${path}/x`, path.replace('images', 'videos')])
    expect(await submitWith(`http://127.0.0.1:4000${other}`)).toBe(400);
});

test.each<[string, unknown]>([
  ['no model', { prompt: 'A paper boat' }],
  ['an unknown model', { model: 'grok_video4', prompt: 'A paper boat' }],
  ['our own name of a model', { model: 'GROK_VIDEO3', prompt: 'A paper boat' }],
  ['no prompt', { model: 'grok_video3' }],
  ['an empty prompt', { model: 'grok_video3', prompt: ' ' }],
  ['an unknown field', { model: 'grok_video3', prompt: 'A paper boat', seed: 1 }],
  ['a field in the form of our API', { model: 'grok_video3', prompt: 'A paper boat', durationSeconds: 10 }],
  ['a list', []],
  ['no body', undefined],
])('an order with %s is refused with a reason', async (_, order) => {
  const { code, body } = await (await sandbox()).submit(order);
  expect(code).toBe(400);
  expect(body.error).toEqual({ message: expect.stringMatching(/\w/) });
});

test('a task is queued, then processed, then completed with its video', async () => {
  const { query, url } = await sandbox();
  const nothing = { video_url: null, actualDuration: null, error: null };
  expect((await query(idOfAge(0))).body).toMatchObject({ status: 'queued', ...nothing });
  expect((await query(idOfAge(5_000))).body).toMatchObject({ status: 'processing', ...nothing });
  const id = idOfAge(10_000);
  const { body } = await query(id);
  expect(body).toMatchObject({ id, object: 'video', model: 'grok_video3', status: 'completed', error: null });
  expect(body).toMatchObject({ actualDuration: 12, video_url: expect.stringMatching(`^${url}/`) });
});

test('an order is answered as the vendor documents it', async () => {
  const { submit, query } = await sandbox();
  const { code, body } = await submit({ model: 'grok_video3', prompt: 'A paper boat', duration: 6 });
  expect(code).toBe(200);
  expect(body).toEqual({
    id: expect.any(String),
    object: 'video',
    created: expect.toSatisfy((seconds: number) => Math.abs(seconds * 1_000 - Date.now()) < 5_000),
    model: 'grok_video3',
    status: 'queued',
    error: null,
  });
  const { id: another } = (await submit({ model: 'grok_video3', prompt: 'A paper boat' })).body;
  expect(another).not.toBe(body.id);
  expect((await query(body.id)).body).toMatchObject({ id: body.id, status: 'queued' });
});

const wordFor = Object.fromEntries(Object.entries(outcomeWords).map(([word, outcome]) => [outcome, word]));
const orderFor = (outcome: Outcome) => ({ model: 'grok_video3', prompt: `A paper boat ${wordFor[outcome]}` });

test('a prompt can have the order refused', async () => {
  const { code, body } = await (await sandbox()).submit(orderFor('refuse'));
  expect(code).toBe(400);
  expect(body).not.toHaveProperty('id');
});

test('a prompt can have the answer lost', async () => {
  await expect((await sandbox()).submit(orderFor('lost'))).rejects.toThrow('fetch failed');
});

test.each<[Outcome, number, object]>([
  ['moderation', 10_000, { status: 'failed', video_url: null, error: expect.stringMatching(/moderation/i) }],
  ['no-url', 10_000, { status: 'completed', video_url: null }],
  ['slow', 10_000, { status: 'processing' }],
  ['slow', 60_000, { status: 'completed', video_url: expect.any(String) }],
])('a prompt can provoke %s, which shows after %i ms', async (outcome, ageMs, expected) => {
  const { submit, query } = await sandbox();
  const { body } = await submit(orderFor(outcome));
  expect(body.status).toBe('queued');
  expect((await query(idOfAge(ageMs, outcome))).body).toMatchObject(expected);
  // The word in the prompt is what puts the outcome into the id.
  expect(fromTaskId(body.id)?.outcome).toBe(outcome);
});

test.each(['none', 'Basic YTpi', 'any'])('a request with %j for authorization is refused', async (authorization) => {
  const { url } = await sandbox();
  const headers = { ...(authorization !== 'none' && { authorization }), 'content-type': 'application/json' };
  const body = JSON.stringify({ model: 'grok_video3', prompt: 'A paper boat' });
  expect((await fetch(`${url}/v1/grok/videos`, { method: 'POST', headers, body })).status).toBe(401);
  expect((await fetch(`${url}/v1/result/${idOfAge(0)}`, { headers })).status).toBe(401);
});

test.each(['video_grok_1', 'video_sandbox_', 'video_sandbox_AAAA', '%00', '..'])('there is no task %j', async (id) => {
  expect((await (await sandbox()).query(id)).code).toBe(404);
});

test('a task outlives a restart of the sandbox', async () => {
  const before = await sandbox();
  const { id } = (await before.submit(orderFor('slow'))).body;
  const { body } = await before.query(id);
  await before.stop();
  const after = await sandbox();
  expect((await after.query(id)).body).toEqual(body);
});

const simple = { model: models.GROK_VIDEO3.upstreamName, prompt: 'A paper boat' };

test('beyond its orders a minute the sandbox answers 429 and says when to come back, beyond its credit 402', async () => {
  const { post } = await sandbox({ submitsPerMinute: 2, credit: 3 });
  expect([(await post(simple)).status, (await post(simple)).status]).toEqual([200, 200]);
  const { status, headers } = await post(simple);
  expect([status, Number(headers.get('retry-after')) > 50]).toEqual([429, true]);
  const dry = await sandbox({ credit: 1 });
  expect([(await dry.post(simple)).status, (await dry.post(simple)).status]).toEqual([200, 402]);
});
