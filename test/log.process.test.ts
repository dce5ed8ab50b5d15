import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { orderBody, startGuarded } from './security/guarded.ts';
import { anOrder, submitDocument } from './support/app.ts';
import { closedPort } from './support/closed-port.ts';
import { freshDatabase, freshDirectory } from './support/database.ts';
import { noSpendingLimits } from './support/local-caller.ts';
import { post, spawnServiceOnto } from './support/process.ts';
import { apiKey, reply, startUpstream, type TestUpstream } from './support/upstream.ts';

const orders = 20;
/** So many refused orders, each with two lines of about this length, do not fit into the memory for waiting lines. */
const refusedBatches = 18;
const batchSize = 20;
const longReason = 'x'.repeat(500);
const longRequestId = 'r'.repeat(100);

const batchDocument = /* GraphQL */ `
  mutation ($orders: [SubmitVideoOrder!]!) { submitVideos(orders: $orders) { outcomes { ... on SubmitVideoPayload { task { status } } } } }
`;

const hasTerminal = spawnSync('script', ['--version']).status === 0;
if (!hasTerminal) console.warn('SKIPPED: a terminal needs the program `script` of util-linux');

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly upstreamId?: string;
  readonly dropped?: number;
}

const linesIn = (log: string): Line[] =>
  log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));

const paidIdsIn = (log: string): string[] =>
  linesIn(log).flatMap(({ msg, upstreamId }) => (msg === 'order accepted' && upstreamId ? [upstreamId] : []));

/** A pipe as a shell makes one, full to the last byte, and the process that is to read from it. */
function fullPipe() {
  const path = `${freshDirectory()}/pipe`;
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const filler = Buffer.alloc(4_096, '\n');
  expect(() => {
    for (;;) writeSync(fd, filler);
  }).toThrow('EAGAIN');
  // The service gets a blocking descriptor, as from a shell.
  const writable = openSync(path, constants.O_WRONLY);
  const open = [fd, writable];
  const close = () => {
    for (const descriptor of open.splice(0)) closeSync(descriptor);
  };
  onTestFinished(close);
  return { path, writable, close };
}

/** Collects what comes out of a file or pipe. */
function readerOf(path: string): { reader: ChildProcess; log: () => string } {
  const reader = spawn('cat', [path], { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void reader.kill('SIGKILL'));
  let log = '';
  reader.stdout.on('data', (chunk: Buffer) => {
    log += chunk;
  });
  return { reader, log: () => log };
}

/** A service that writes to these, once it answers. */
async function serviceOnto(outputs: [number, number], settings: Record<string, string> = {}) {
  const upstream = await startUpstream();
  const port = await closedPort();
  const child = spawnServiceOnto(outputs, {
    DATABASE_URL: await freshDatabase(),
    GROK_API_KEY: apiKey,
    GROK_API_BASE_URL: upstream.url,
    PORT: String(port),
    ...noSpendingLimits,
    ...settings,
  });
  const url = `http://127.0.0.1:${port}/graphql`;
  await answers(url);
  return { child, upstream, url };
}

const answers = (url: string) =>
  expect
    .poll(
      () =>
        post(url, '{ videoModels { name } }').then(
          ({ ok }) => ok,
          () => false,
        ),
      { timeout: 10_000 },
    )
    .toBe(true);

async function submit(url: string): Promise<string> {
  const response = await post(url, submitDocument, { input: anOrder });
  return (await response.json()).data.submitVideo.task.upstreamId;
}

/** Orders that are paid, and so many that are refused that their lines have no room. */
async function keepBusy({ url, upstream }: { url: string; upstream: TestUpstream }): Promise<string[]> {
  const paid = await Promise.all(Array.from({ length: orders }, () => submit(url)));
  const accept = upstream.onSubmit;
  upstream.onSubmit = reply(400, { error: { message: longReason } });
  const headers = { 'content-type': 'application/json', 'x-request-id': longRequestId };
  const inputs = Array.from({ length: batchSize }, () => ({ input: anOrder }));
  const body = JSON.stringify({ query: batchDocument, variables: { orders: inputs } });
  for (let sent = 0; sent < refusedBatches; sent++) {
    const { data } = await (await fetch(url, { method: 'POST', headers, body })).json();
    expect(data.submitVideos.outcomes).toEqual(Array(batchSize).fill({ task: { status: 'FAILED' } }));
  }
  upstream.onSubmit = accept;
  return paid;
}

test('while the reader of the log is stopped, requests are answered; when it reads again, it gets every paid id', async () => {
  const pipe = fullPipe();
  const { reader, log } = readerOf(pipe.path);
  reader.kill('SIGSTOP');
  const service = await serviceOnto([pipe.writable, pipe.writable]);
  const { child, url } = service;
  const paid = await keepBusy(service);
  expect(new Set(paid).size).toBe(orders);

  reader.kill('SIGCONT');
  await expect.poll(() => new Set(paidIdsIn(log())), { timeout: 10_000 }).toEqual(new Set(paid));
  await expect.poll(() => linesIn(log()).some(({ dropped = 0 }) => dropped > 0)).toBe(true);
  // What is written now comes after it, and whole.
  const [last] = [await submit(url)];
  await expect.poll(() => paidIdsIn(log()).at(-1)).toBe(last);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  await expect.poll(() => linesIn(log()).at(-1)?.msg).toBe('stopped');
});

test('a service whose log is not read stops in order', async () => {
  const pipe = fullPipe();
  const { child, url } = await serviceOnto([pipe.writable, pipe.writable]);
  await submit(url);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('requests are answered after the reader of the log is gone', async () => {
  const pipe = fullPipe();
  const { reader, log } = readerOf(pipe.path);
  const { url } = await serviceOnto([pipe.writable, pipe.writable]);
  const first = await submit(url);
  await expect.poll(() => paidIdsIn(log())).toEqual([first]);
  pipe.close();
  reader.kill('SIGKILL');
  await once(reader, 'exit');
  expect(new Set([first, await submit(url), await submit(url)]).size).toBe(3);
});

test.skipIf(!hasTerminal)('requests are answered while the terminal is frozen', async () => {
  const upstream = await startUpstream();
  const port = await closedPort();
  const { PATH = '' } = process.env;
  const env = {
    PATH,
    ...noSpendingLimits,
    DATABASE_URL: await freshDatabase(),
    GROK_API_KEY: apiKey,
    GROK_API_BASE_URL: upstream.url,
    PORT: String(port),
  };
  const command = `exec ${process.execPath} src/main.ts`;
  const terminal = spawn('script', ['-qec', command, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void terminal.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}/graphql`;
  await answers(url);
  terminal.kill('SIGSTOP');
  // Each has a few hundred characters of lines; a terminal takes a few thousand.
  for (let order = 0; order < 100; order++) await submit(url);
  expect(upstream.submits).toHaveLength(100);
  terminal.kill('SIGCONT');
  terminal.stdin.write('\u0003');
  await once(terminal, 'exit');
});

test('an error output that is not read does not keep a service that cannot start from ending', async () => {
  const pipe = fullPipe();
  const child = spawnServiceOnto([pipe.writable, pipe.writable], {});
  expect(await once(child, 'exit')).toEqual([1, null]);
});

test('a line has no fields of an earlier line of its request', async () => {
  const service = await startGuarded({ LOG_LEVEL: 'debug' });
  await service.send(orderBody);
  await expect.poll(() => linesIn(service.log()).map(({ msg }) => msg)).toContain('order accepted');
  const lines = linesIn(service.log());
  const [accepted] = lines.filter(({ msg }) => msg === 'order accepted');
  expect(accepted?.upstreamId).toEqual(expect.any(String));
  await expect
    .poll(() => linesIn(service.log()).filter(({ msg }) => msg === 'Processing GraphQL Parameters done.'))
    .toEqual([expect.not.objectContaining({ upstreamId: expect.anything() })]);
});
