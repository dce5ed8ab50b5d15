/**
 * `node bench/subscribers.ts` opens thousands of subscriptions at once and says what each of them takes of the service's
 * memory and processor, and how long a change takes until all have heard of it. README.md beside this file says more.
 */
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { contenders, settingsOf } from './contenders.ts';
import { ownSeconds } from './cpu.ts';
import { createDatabase, createKey, type Seed, unconfirmedTask } from './database.ts';
import { liveBytesOf } from './inspector.ts';
import { freePort, memoryOf, run, settle, stop, untilReady } from './processes.ts';
import { confirmRequest } from './requests.ts';
import { Subscriber } from './subscriber.ts';

const cases = {
  one: 'all watch one task',
  own: 'each watches a task of its own',
  limit: 'node:http, a constant',
} as const;

type Case = keyof typeof cases;

const { values: options } = parseArgs({
  options: {
    subscribers: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '3' },
    cases: { type: 'string', default: Object.keys(cases).join() },
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
  },
});
const count = Number(options.subscribers);
const rounds = Number(options.rounds);

/** How long the service has to come to rest before its memory is read. */
const restMs = 8_000;

/** So many connect at a time. */
const wave = 100;

/** How many tasks change in a round where each subscriber has its own. */
const ownChanges = 100;

interface Ground {
  readonly directory: string;
  readonly template: string;
  readonly seed: Seed;
  /** What opens the service to whoever may confirm. */
  readonly operator: string;
}

interface Server {
  readonly process: ChildProcess;
  readonly url: string;
  readonly inspectorPort: number;
}

async function start(what: Case, { directory, template, seed }: Ground): Promise<Server> {
  const [port, inspectorPort, file] = [await freePort(), await freePort(), join(directory, `${what}.db`)];
  copyFileSync(template, file);
  const [service] = contenders;
  if (!service) throw new Error('There is nothing to measure.');
  const settings = settingsOf(service, { port, file, token: seed.token, upstreamUrl: 'http://127.0.0.1:9' });
  const program = what === 'limit' ? join(import.meta.dirname, 'stream-limit.ts') : service.file;
  const process = run(program, [], {
    core: 0,
    // Exactly so many places: one that were lost in a round would be missing in the next.
    env: { ...settings, MAX_SUBSCRIPTIONS: String(count) },
    nodeOptions: [`--inspect-port=${inspectorPort}`],
    logFile: join(directory, `${what}.log`),
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(`${url}/ready`, process);
  return { process, url, inspectorPort };
}

interface Round {
  readonly openSeconds: number;
  readonly openCpuMs: number;
  /** Resident, with all of them open and after they have left. */
  readonly openMegabytes: number;
  readonly leftMegabytes: number;
  /** Of a processor, while nothing happens. */
  readonly restCpu: number;
  /** From the moment the change was sent: until it was answered, until the first and until the last had heard of it. */
  readonly answeredMs: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly cpuMsPerEvent: number;
}

async function open(url: string, token: string, ids: readonly string[]): Promise<Subscriber[]> {
  const subscribers: Subscriber[] = [];
  while (subscribers.length < count) {
    const next = Array.from(
      { length: Math.min(wave, count - subscribers.length) },
      (_, index) => new Subscriber(url, token, ids[(subscribers.length + index) % ids.length] ?? ''),
    );
    await Promise.all(next.map((subscriber) => subscriber.hears('UNCONFIRMED')));
    subscribers.push(...next);
  }
  return subscribers;
}

/** Has a task confirmed, and returns when that was answered and when each of its subscribers had heard of it. */
async function change(url: string, operator: string, id: string, subscribers: readonly Subscriber[]) {
  const { path, ...request } = confirmRequest(id, operator);
  const sent = performance.now();
  const [answered, ...heard] = await Promise.all([
    fetch(new URL(path, url), request).then(async (answer) => {
      if ((await answer.text()).includes('errors')) throw new Error('The task was not confirmed.');
      return performance.now();
    }),
    ...subscribers.map((subscriber) => subscriber.hears('QUEUED')),
  ]);
  return { answeredMs: answered - sent, firstMs: Math.min(...heard) - sent, lastMs: Math.max(...heard) - sent };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function measure(what: Case, round: number, { process, url, inspectorPort }: Server, ground: Ground) {
  const pid = process.pid ?? 0;
  const { token, openIds } = ground.seed;
  const ids = what === 'own' ? openIds.slice(round * ownChanges).slice(0, count) : openIds.slice(round, round + 1);
  const [began, openCpu] = [performance.now(), ownSeconds(pid)];
  const subscribers = await open(url, token, ids);
  const [opened, rest] = [performance.now(), ownSeconds(pid)];
  await sleep(restMs);
  const [openMegabytes, changing] = [memoryOf(process) ?? Number.NaN, ownSeconds(pid)];

  const changes = [];
  if (what !== 'own') changes.push(await change(url, ground.operator, ids[0] ?? '', subscribers));
  else {
    for (let index = 0; index < ownChanges; index++)
      changes.push(await change(url, ground.operator, ids[index] ?? '', subscribers.slice(index, index + 1)));
  }
  await sleep(500);
  const cpuMsPerEvent = ((ownSeconds(pid) - changing) * 1_000) / (what === 'own' ? ownChanges : count);
  const told = subscribers.filter(({ events }, index) => events !== (what !== 'own' || index < ownChanges ? 2 : 1));
  if (told.length > 0) throw new Error(`${told.length} subscribers got another number of events.`);

  const live = round === rounds - 1 ? await liveBytesOf(process, inspectorPort) : null;
  for (const subscriber of subscribers) subscriber.leave();
  await sleep(restMs);
  const leftMegabytes = memoryOf(process) ?? Number.NaN;
  const left = live === null ? null : await liveBytesOf(process, inspectorPort);
  const result = {
    openSeconds: (opened - began) / 1_000,
    openCpuMs: ((rest - openCpu) * 1_000) / count,
    openMegabytes,
    leftMegabytes,
    restCpu: (changing - rest) / (restMs / 1_000),
    answeredMs: median(changes.map(({ answeredMs }) => answeredMs)),
    firstMs: median(changes.map(({ firstMs }) => firstMs)),
    lastMs: Math.max(...changes.map(({ lastMs }) => lastMs)),
    cpuMsPerEvent,
    liveKilobytes: live === null || left === null ? null : (live - left) / count / 1_024,
    leftLiveMegabytes: left && left / 1_024 / 1_024,
  };
  console.log(what, round, result);
  return result;
}

settle();
const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-subscribers-'));
try {
  const template = join(directory, 'template.db');
  const operator = createKey(template, '--scope', 'admin');
  const seed = await createDatabase(template, 0, count + rounds * ownChanges, unconfirmedTask);
  for (const what of options.cases.split(',') as Case[]) {
    const ground = { directory, template, seed, operator };
    const server = await start(what, ground);
    await sleep(restMs);
    const idle = memoryOf(server.process) ?? 0;
    console.log({ idle });
    for (let round = 0; round < rounds; round++) {
      const { openMegabytes } = await measure(what, round, server, ground);
      console.log('KB per subscriber', ((openMegabytes - idle) * 1024) / count);
    }
    await stop(server.process);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
