import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { anOrder, readEvents, submitDocument } from './support/app.ts';
import { closedPort } from './support/closed-port.ts';
import { freshDatabase } from './support/database.ts';
import { post, spawnService, startService } from './support/process.ts';
import { apiKey, hang, startUpstream } from './support/upstream.ts';

const watchDocument = /* GraphQL */ `
  subscription ($id: ID!) { videoTaskUpdated(id: $id) { status video { url state durationSeconds } } }
`;

const keyedDocument = /* GraphQL */ `
  mutation ($input: SubmitVideoInput!) { submitVideo(input: $input, idempotencyKey: "boat") { replayed } }
`;

test('in development, without a key, a video is ordered, followed to its end and downloaded', async () => {
  const service = await startService({ DATABASE_URL: await freshDatabase() }, '--development');
  expect(service.log()).toMatch(/SANDBOX/);

  const submitted = await post(service.url, submitDocument, { input: anOrder });
  const { task } = (await submitted.json()).data.submitVideo;
  expect(task).toMatchObject({ status: 'QUEUED', failure: null });

  const seen = [];
  const stream = await post(service.url, watchDocument, { id: task.id }, 'text/event-stream');
  for await (const { data } of readEvents(stream)) seen.push(data.videoTaskUpdated);
  expect(new Set(seen.map(({ status }) => status))).toEqual(new Set(['QUEUED', 'PROCESSING', 'COMPLETED']));
  const { video } = seen.at(-1);
  expect(video).toMatchObject({ state: 'AVAILABLE', durationSeconds: 10 });

  const file = await fetch(video.url);
  expect(file.headers.get('content-type')).toBe('video/mp4');
  expect(Buffer.from(await file.arrayBuffer()).toString('latin1', 4, 8)).toBe('ftyp');

  expect(await service.end('SIGTERM')).toBe(0);
}, 40_000);

test('in production, without a key, nothing starts and one line says which variable is missing', async () => {
  const service = spawnService({ DATABASE_URL: await freshDatabase() });
  const [stderr, [code]] = await Promise.all([text(service.stderr!), once(service, 'exit')]);
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('GROK_API_KEY')]);
});

test('killed in the middle of a submit, it finds the task UNCONFIRMED after a restart and orders nothing again', async () => {
  const upstream = await startUpstream();
  upstream.onSubmit = hang;
  const settings = {
    DATABASE_URL: await freshDatabase(),
    GROK_API_KEY: apiKey,
    GROK_API_BASE_URL: upstream.url,
    // The lease of a submit ends five seconds after its timeout.
    GROK_SUBMIT_TIMEOUT_MS: '5000',
  };
  const first = await startService(settings);
  const lost = post(first.url, submitDocument, { input: anOrder }).catch(() => {});
  await expect.poll(() => upstream.submits.length).toBe(1);
  expect(await first.end('SIGKILL')).toBe('SIGKILL');
  await lost;

  const second = await startService(settings);
  const read = async () => {
    const response = await post(
      second.url,
      '{ videoTasks { edges { node { status failure { code mayBeBilled } } } } }',
    );
    return (await response.json()).data.videoTasks.edges.map(({ node }: { node: unknown }) => node);
  };
  expect(await read()).toEqual([{ status: 'SUBMITTING', failure: null }]);
  await expect
    .poll(read, { timeout: 25_000, interval: 200 })
    .toEqual([{ status: 'UNCONFIRMED', failure: { code: 'SUBMISSION_UNCONFIRMED', mayBeBilled: true } }]);
  expect(upstream.submits).toHaveLength(1);
}, 60_000);

test("a client's mistake is reported to the client, and is not an error in the log", async () => {
  const upstream = await startUpstream();
  const settings = { GROK_API_KEY: apiKey, GROK_API_BASE_URL: upstream.url, DATABASE_URL: await freshDatabase() };
  const service = await startService(settings);
  const orderAs = (prompt: string) => post(service.url, keyedDocument, { input: { grokVideo3: { prompt } } });
  await orderAs('A paper boat');
  expect((await (await orderAs('A stone')).json()).errors[0].extensions.code).toBe('IDEMPOTENCY_KEY_MISMATCH');
  await expect.poll(service.log).toContain('IDEMPOTENCY_KEY_MISMATCH');
  const lines = service
    .log()
    .split('\n')
    .map((line) => JSON.parse(line));
  const ofRequests = lines.filter(({ requestId }) => requestId !== undefined);
  expect(ofRequests).not.toEqual([]);
  for (const { level } of ofRequests) expect(level).toBeLessThan(40);
});

test('the service goes on when its log cannot be written any more', async () => {
  const port = await closedPort();
  const upstream = await startUpstream();
  const settings = { GROK_API_KEY: apiKey, GROK_API_BASE_URL: upstream.url, PORT: String(port) };
  const env = { ...settings, PATH: process.env['PATH'] ?? '', DATABASE_URL: await freshDatabase() };
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, ['src/main.ts'], { env, stdio: ['ignore', full, 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}/graphql`;
  const submit = async () => {
    const response = await post(url, submitDocument, { input: anOrder }).catch(() => null);
    return response && (await response.json()).data.submitVideo.task.status;
  };
  await expect.poll(submit, { timeout: 10_000 }).toBe('QUEUED');
});

test.each(['--help', '-h'])('%s says how the service is started, and starts nothing', async (argument) => {
  const child = spawnService({}, argument);
  const [stdout, [code]] = await Promise.all([text(child.stdout!), once(child, 'exit')]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Usage: npm start/);
});
