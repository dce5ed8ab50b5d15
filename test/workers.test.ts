import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { json, text } from 'node:stream/consumers';
import pg from 'pg';
import { expect, inject, onTestFinished, test } from 'vitest';
import { type Answer, anOrder, readEvents, submitDocument } from './support/app.ts';
import { closedPort } from './support/closed-port.ts';
import { freshDatabase } from './support/database.ts';
import { held } from './support/held-answer.ts';
import { type ServiceProcess, spawnService, startService } from './support/process.ts';
import { openStore } from './support/task-store.ts';
import { apiKey, completed, reply, startUpstream, status } from './support/upstream.ts';

const watchDocument = 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { status } }';
const readDocument = 'query ($id: ID!) { videoTask(id: $id) { status } }';

/** A connection that is kept, so that everything sent over it reaches one worker. */
interface Line {
  /** The process id of the worker at its end, as the log says it. */
  readonly worker: number;
  ask(document: string, variables: object): Promise<Answer>;
  /** The statuses that a subscription tells, until it completes. */
  watch(id: string): AsyncGenerator<string>;
}

const linesOf = (service: ServiceProcess) =>
  service
    .log()
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? JSON.parse(line) : []));

/** The process ids of the workers that have begun to serve, in that order. */
const workersOf = (service: ServiceProcess): number[] =>
  linesOf(service).flatMap(({ msg, pid }) => (msg.startsWith('GraphQL at') ? pid : []));

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Two workers on a fresh PostgreSQL database, and an upstream where a task goes on until the test says otherwise. */
async function startWorkers() {
  const upstream = await startUpstream();
  upstream.onCheck = status('processing');
  const databaseUrl = await freshDatabase('postgresql');
  const settings = {
    DATABASE_URL: databaseUrl,
    GROK_API_KEY: apiKey,
    GROK_API_BASE_URL: upstream.url,
    TRACKER_FIRST_CHECK_MS: '20',
    TRACKER_INTERVAL_MS: '20',
  };
  const service = await startService(settings, '--workers', '2');
  await expect.poll(() => workersOf(service), { timeout: 10_000 }).toHaveLength(2);
  return { upstream, databaseUrl, service };
}

/** Makes a connection and finds out by an order whom it leads to. */
async function connect(service: ServiceProcess): Promise<Line> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  async function send(query: string, variables: object, accept: string): Promise<IncomingMessage> {
    const headers = { 'content-type': 'application/json', accept };
    const sent = request(service.url, { method: 'POST', agent, headers }).end(JSON.stringify({ query, variables }));
    const [response] = await once(sent, 'response');
    return response;
  }
  const ask = async (document: string, variables: object) =>
    (await json(await send(document, variables, 'application/json'))) as Answer;
  const { id } = (await ask(submitDocument, { input: anOrder })).data.submitVideo.task;
  const accepted = () => linesOf(service).find(({ msg, taskId }) => msg === 'order accepted' && taskId === id);
  await expect.poll(accepted).toBeDefined();
  return {
    worker: accepted().pid,
    ask,
    async *watch(watched) {
      const events = await send(watchDocument, { id: watched }, 'text/event-stream');
      for await (const { data } of readEvents({ body: events })) yield data.videoTaskUpdated.status;
    },
  };
}

/** A connection to each of the two workers. */
async function connectBoth(service: ServiceProcess): Promise<[Line, Line]> {
  const one = await connect(service);
  for (;;) {
    const other = await connect(service);
    if (other.worker !== one.worker) return [one, other];
  }
}

async function lastOf<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  let last: Item | undefined;
  for await (const item of items) last = item;
  return last;
}

const open = /^(QUEUED|PROCESSING)$/;

const order = (line: Line) => line.ask(submitDocument, { input: anOrder });

test('two workers serve one port: what one takes the other shows, and what one follows both tell', async () => {
  const { service, upstream } = await startWorkers();
  const [one, other] = await connectBoth(service);
  expect(new Set([one.worker, other.worker])).toEqual(new Set(workersOf(service)));

  const { id } = (await order(one)).data.submitVideo.task;
  expect((await other.ask(readDocument, { id })).data.videoTask.status).toMatch(open);
  const watching = [one.watch(id), other.watch(id)];
  for (const statuses of watching) expect((await statuses.next()).value).toMatch(open);
  upstream.onCheck = completed;
  for (const statuses of watching) expect(await lastOf(statuses)).toBe('COMPLETED');
  // One of them has followed it, so the other was told: by itself it looks only after half a minute.
  const ends = linesOf(service).filter(({ taskId, to }) => taskId === id && to === 'COMPLETED');
  expect(ends).toHaveLength(1);
}, 25_000);

test('a worker that is killed is replaced, and nothing that was acknowledged is lost', async () => {
  const { service, upstream, databaseUrl } = await startWorkers();
  const [one, other] = await connectBoth(service);
  const orders = await Promise.all([order(one), order(other), order(one), order(other)]);
  process.kill(one.worker, 'SIGKILL');
  // The other one goes on meanwhile.
  orders.push(await order(other));
  await expect.poll(() => workersOf(service), { timeout: 15_000 }).toHaveLength(3);
  const [, , successor] = workersOf(service);
  const both = await connectBoth(service);
  expect(new Set(both.map(({ worker }) => worker))).toEqual(new Set([other.worker, successor]));

  const store = await openStore(databaseUrl);
  const kept = await store.list({}, { limit: 100, inverted: false });
  const acknowledged = orders.map(({ data }) => data.submitVideo.task.id);
  expect(kept.map(({ id }) => id)).toEqual(expect.arrayContaining(acknowledged));
  expect(kept).toHaveLength(upstream.submits.length);
}, 40_000);

test('a successor that cannot start does not end the others, and is followed by one that can', async () => {
  const { service, databaseUrl } = await startWorkers();
  const [one, other] = await connectBoth(service);
  const server = new pg.Client({ connectionString: inject('postgresUrl') });
  await server.connect();
  onTestFinished(() => server.end());
  const admit = (whether: boolean) =>
    server.query(`ALTER DATABASE "${new URL(databaseUrl).pathname.slice(1)}" ALLOW_CONNECTIONS ${whether}`);
  await admit(false);
  process.kill(one.worker, 'SIGKILL');
  await expect.poll(service.log, { timeout: 10_000 }).toContain('Cannot start');
  await admit(true);
  await expect.poll(() => workersOf(service), { timeout: 10_000 }).toHaveLength(3);
  expect((await order(other)).data.submitVideo.task.status).toBe('QUEUED');
}, 40_000);

/** What a process manager sends, and what a terminal sends to all that run in it. */
const ends = {
  'SIGTERM to the primary': ({ process: primary }: ServiceProcess) => primary.kill('SIGTERM'),
  'SIGINT to all of them': (service: ServiceProcess) =>
    [service.process.pid ?? 0, ...workersOf(service)].map((pid) => process.kill(pid, 'SIGINT')),
  'the sudden end of the primary': ({ process: primary }: ServiceProcess) => primary.kill('SIGKILL'),
};

test.each(Object.entries(ends))('%s ends the workers, after the orders under way', async (_, end) => {
  const { service, upstream, databaseUrl } = await startWorkers();
  const lines = await connectBoth(service);
  const submit = held(reply(200, { id: 'video_held', status: 'queued' }));
  upstream.onSubmit = submit.answer;
  const answers = lines.map(order);
  await expect.poll(() => upstream.submits.length).toBeGreaterThanOrEqual(4);
  const exited = once(service.process, 'exit');
  end(service);
  await expect.poll(() => linesOf(service).filter(({ msg }) => msg === 'stopping').length).toBe(2);
  submit.release();
  const placed = (await Promise.all(answers)).map(({ data }) => data.submitVideo.task);
  expect(placed).toMatchObject([{ upstreamId: 'video_held' }, { upstreamId: 'video_held' }]);

  expect(await exited).toEqual(end === ends['the sudden end of the primary'] ? [null, 'SIGKILL'] : [0, null]);
  await expect.poll(() => workersOf(service).filter(isAlive), { timeout: 10_000 }).toEqual([]);
  expect(linesOf(service).filter(({ msg }) => msg === 'stopped')).toHaveLength(2);
  const store = await openStore(databaseUrl);
  for (const { id } of placed) expect(await store.find(id)).toMatchObject({ upstreamId: 'video_held' });
});

test.each([
  ['a number that is none', { DATABASE_URL: 'postgres://127.0.0.1/videos' }, 'many', /--workers/],
  ['no worker', { DATABASE_URL: 'postgres://127.0.0.1/videos' }, '0', /--workers/],
  ['half a worker', { DATABASE_URL: 'postgres://127.0.0.1/videos' }, '1.5', /--workers/],
  ['SQLite', { DATABASE_URL: 'file:./videos.db' }, '2', /DATABASE_URL .*PostgreSQL/],
  ['a database that is not there', { DATABASE_URL: 'postgres://127.0.0.1:1/videos' }, '3', /127\.0\.0\.1:1\/videos/],
])('%s keeps all workers from starting, and is said once', async (_, settings, count, complaint) => {
  const service = spawnService({ GROK_API_KEY: apiKey, ...settings }, '--workers', count);
  const [said, [code]] = await Promise.all([text(service.stderr!), once(service, 'exit')]);
  expect(code).toBe(1);
  expect(said.trim().split('\n')).toEqual([expect.stringMatching(complaint)]);
});

test('a port that is taken keeps all workers from starting, and is said once', async () => {
  const { service } = await startWorkers();
  const settings = { GROK_API_KEY: apiKey, DATABASE_URL: await freshDatabase('postgresql') };
  const second = spawnService({ ...settings, PORT: new URL(service.url).port }, '--workers', '2');
  const [said, [code]] = await Promise.all([text(second.stderr!), once(second, 'exit')]);
  expect(code).toBe(1);
  expect(said.trim().split('\n')).toEqual([expect.stringContaining('EADDRINUSE')]);
});

test('one worker needs neither PostgreSQL nor a primary', async () => {
  const upstream = await startUpstream();
  const settings = { GROK_API_KEY: apiKey, GROK_API_BASE_URL: upstream.url, DATABASE_URL: await freshDatabase() };
  const service = await startService({ ...settings, PORT: String(await closedPort()) }, '--workers', '1');
  expect(workersOf(service)).toEqual([service.process.pid]);
  expect(await service.end('SIGTERM')).toBe(0);
});
