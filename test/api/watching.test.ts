import { describe, expect, test } from 'vitest';
import { type Answer, anOrder, createTestApp, submitDocument } from '../support/app.ts';
import { databaseProviders } from '../support/database.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import { completed, reset, status, videoUrl } from '../support/upstream.ts';

const watchDocument = /* GraphQL */ `
  subscription ($id: ID!) {
    videoTaskUpdated(id: $id) { id status upstreamStatus video { url } failure { code } }
  }
`;

/** The next state that a watcher gets; undefined when the stream is over. */
async function nextOf(watch: AsyncGenerator<Answer>): Promise<string | undefined> {
  const { value, done } = await watch.next();
  return done ? undefined : value.data.videoTaskUpdated.upstreamStatus;
}

/** Everything that a watcher is sent until the stream is over. */
async function all(watch: AsyncGenerator<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for await (const answer of watch) answers.push(answer);
  return answers;
}

describe.each(databaseProviders)('on %s', (provider) => {
  test('a watcher gets the task as it is, then each change, and the stream ends with the task', async () => {
    const { upstream, submit, subscribe, untilNextCheck } = await createTrackedApp(provider);
    const id = await submit(anOrder);
    const watch = subscribe(watchDocument, { id });
    const next = async () => (await watch.next()).value;
    const task = { id, video: null, failure: null };
    expect(await next()).toEqual({
      data: { videoTaskUpdated: { ...task, status: 'QUEUED', upstreamStatus: 'queued' } },
    });
    for (const [word, expected] of [
      ['pending', 'QUEUED'],
      ['processing', 'PROCESSING'],
      ['rendering', 'PROCESSING'],
    ] as const) {
      upstream.onCheck = status(word);
      untilNextCheck();
      expect(await next()).toEqual({ data: { videoTaskUpdated: { ...task, status: expected, upstreamStatus: word } } });
    }
    upstream.onCheck = completed;
    untilNextCheck();
    const end = { ...task, status: 'COMPLETED', upstreamStatus: 'completed', video: { url: videoUrl } };
    expect(await next()).toEqual({ data: { videoTaskUpdated: end } });
    expect(await watch.next()).toEqual({ value: undefined, done: true });
  });
});

test.each([
  ['COMPLETED', completed],
  ['FAILED', status('failed', { error: 'The camera broke.' })],
  ['CANCELLED', status('cancelled')],
])('a watcher of a task that is already %s gets it once, and the stream ends', async (word, onCheck) => {
  const { upstream, submit, subscribe, untilEnded } = await createTrackedApp();
  upstream.onCheck = onCheck;
  const id = await submit(anOrder);
  await untilEnded(id);
  const events = await all(subscribe(watchDocument, { id }));
  expect(events.map(({ data }) => data.videoTaskUpdated.status)).toEqual([word]);
});

test.each(['01a20300-0000-7000-8000-000000000000', 'nonsense'])(
  'a watcher of %s, which is not a task, gets NOT_FOUND, and the stream ends',
  async (id) => {
    const { subscribe } = await createTestApp();
    const events = await all(subscribe(watchDocument, { id }));
    expect(events).toMatchObject([{ errors: [{ extensions: { code: 'NOT_FOUND' } }] }]);
  },
);

test('each watcher of a task gets every change', async () => {
  const { upstream, submit, subscribe, untilNextCheck } = await createTrackedApp();
  const id = await submit(anOrder);
  const watches = [subscribe(watchDocument, { id }), subscribe(watchDocument, { id })];
  expect(await Promise.all(watches.map(nextOf))).toEqual(['queued', 'queued']);
  upstream.onCheck = status('processing');
  untilNextCheck();
  expect(await Promise.all(watches.map(nextOf))).toEqual(['processing', 'processing']);
  upstream.onCheck = completed;
  untilNextCheck();
  expect(await Promise.all(watches.map(nextOf))).toEqual(['completed', 'completed']);
  expect(await Promise.all(watches.map(nextOf))).toEqual([undefined, undefined]);
});

test('when a watcher leaves early, the other watchers and the task go on', async () => {
  const { upstream, submit, subscribe, query, untilNextCheck } = await createTrackedApp();
  const id = await submit(anOrder);
  const leaving = new AbortController();
  const left = subscribe(watchDocument, { id }, leaving.signal);
  const stayed = subscribe(watchDocument, { id });
  expect(await Promise.all([nextOf(left), nextOf(stayed)])).toEqual(['queued', 'queued']);

  const end = left.next().catch(() => ({ done: true }));
  leaving.abort();
  expect(await end).toMatchObject({ done: true });

  upstream.onCheck = status('processing');
  untilNextCheck();
  expect(await nextOf(stayed)).toBe('processing');
  upstream.onCheck = completed;
  untilNextCheck();
  expect(await nextOf(stayed)).toBe('completed');
  const { data } = await query('query ($id: ID!) { videoTask(id: $id) { status } }', { id });
  expect(data.videoTask.status).toBe('COMPLETED');
});

/** Opens the stream over the network, waits for its first event and returns what comes until it is closed. */
async function openStream(url: string, id: string): Promise<{ first: string; rest: Promise<string> }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: watchDocument, variables: { id } }),
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const readUntil = async (isEnough: (text: string) => boolean): Promise<string> => {
    for (let text = ''; ; ) {
      const { value, done } = await reader.read();
      text += value ?? '';
      if (done || isEnough(text)) return text;
    }
  };
  return { first: await readUntil((text) => text.includes('data: ')), rest: readUntil(() => false) };
}

test.each([
  ['QUEUED', undefined],
  ['UNCONFIRMED', reset],
])('a stopping service completes the streams of tasks that are %s', async (word, onSubmit) => {
  const { app, upstream, query } = await createTestApp({ settings: { TRACKER_FIRST_CHECK_MS: '60000' } });
  if (onSubmit) upstream.onSubmit = onSubmit;
  const { url } = await app.start();
  const { data } = await query(submitDocument, { input: anOrder });
  const open = () => openStream(url, data.submitVideo.task.id);
  const streams = [await open(), await open()];
  await app.stop();
  for (const { first, rest } of streams) {
    expect(first).toContain(`"status":"${word}"`);
    expect(await rest).toMatch(/^(:\n\n)*event: complete\ndata:\n\n$/);
  }
});
