import { once } from 'node:events';
import { expect, test } from 'vitest';
import { anOrder, readEvents, submitDocument } from './support/app.ts';
import { freshDatabase } from './support/database.ts';
import { held } from './support/held-answer.ts';
import { isGroupAlive, post, type ServiceProcess, serving, spawnScript } from './support/process.ts';
import { openStore } from './support/task-store.ts';
import { apiKey, reply, startUpstream, status } from './support/upstream.ts';

const watchDocument = 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { status } }';

/** The service as npm runs it, on an upstream and a database of the test. Its log is JSON with `start` only. */
async function startByScript(...args: string[]) {
  const upstream = await startUpstream();
  upstream.onCheck = status('processing');
  const databaseUrl = await freshDatabase();
  const settings = { DATABASE_URL: databaseUrl, GROK_API_KEY: apiKey, GROK_API_BASE_URL: upstream.url };
  return { upstream, databaseUrl, service: await serving(spawnScript(settings, ...args)) };
}

const order = async ({ url }: ServiceProcess) => {
  const response = await post(url, submitDocument, { input: anOrder });
  return (await response.json()).data.submitVideo.task;
};

/** Watches a task: the first event, and a promise that resolves when the service completes the subscription. */
async function watchToItsEnd({ url }: ServiceProcess, id: string) {
  const events = readEvents(await post(url, watchDocument, { id }, 'text/event-stream'));
  const first = await events.next();
  return { first: first.value.data.videoTaskUpdated, end: endOf(events) };
}

async function endOf(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events);
}

const toNpm = (signal: NodeJS.Signals) => (npm: ServiceProcess) => npm.process.kill(signal);

/** What a terminal does on Ctrl-C: every process in it gets the signal, and npm passes its own on. */
const toAll = ({ process: { pid = 0 } }: ServiceProcess) => process.kill(-pid, 'SIGINT');

test.each<[string, string[], (npm: ServiceProcess) => boolean]>([
  ['SIGTERM to `npm start`', ['start'], toNpm('SIGTERM')],
  ['SIGINT to `npm start`', ['start'], toNpm('SIGINT')],
  ['SIGINT to `npm start` and all it has started', ['start'], toAll],
  ['SIGTERM to `npm run dev`', ['run', 'dev'], toNpm('SIGTERM')],
  ['SIGINT to `npm run dev` and all it has started', ['run', 'dev'], toAll],
])(
  '%s stops the service in order, and leaves no process behind',
  async (_, args, end) => {
    const { service, upstream, databaseUrl } = await startByScript(...args);
    const watched = await watchToItsEnd(service, (await order(service)).id);
    expect(watched.first).toMatchObject({ status: 'QUEUED' });
    const submit = held(reply(200, { id: 'video_held', status: 'queued' }));
    upstream.onSubmit = submit.answer;
    const answer = order(service);
    await submit.arrived;

    const exited = once(service.process, 'exit');
    end(service);
    await expect.poll(service.log, { timeout: 5_000 }).toContain('stopping');
    submit.release();
    expect(await answer).toMatchObject({ status: 'QUEUED', upstreamId: 'video_held' });
    await watched.end;
    await exited;
    await expect.poll(() => isGroupAlive(service.process)).toBe(false);
    expect(service.log()).toContain('stopped');
    await expect(fetch(service.url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    const store = await openStore(databaseUrl);
    expect((await store.list({}, { limit: 10, inverted: false })).map((task) => task.upstreamId)).toContain(
      'video_held',
    );
  },
  60_000,
);
