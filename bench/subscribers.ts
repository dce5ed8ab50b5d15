/**
 * `node bench/subscribers.ts` opens thousands of subscriptions at once and says what each of them takes of memory and
 * processor, and how long a change takes until all have heard of it. README.md beside this file says how.
 */
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Contender, contenders, settingsOf } from './contenders.ts';
import { ownSeconds } from './cpu.ts';
import { createDatabase, createKey, unconfirmedTask } from './database.ts';
import { liveBytesOf } from './inspector.ts';
import { describeMachine } from './machine.ts';
import { freePort, memoryOf, run, settle, stop, untilReady } from './processes.ts';
import { grid } from './report.ts';
import { confirmRequest } from './requests.ts';
import { type Spread, spreadOf } from './statistics.ts';
import { Subscriber } from './subscriber.ts';

const cases = {
  one: { title: 'all watch one task', changes: 1 },
  own: { title: 'each watches its own', changes: 100 },
  limit: { title: 'node:http, a constant', changes: 1 },
} as const;

type Case = keyof typeof cases;

const { values: options } = parseArgs({
  options: {
    subscribers: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '2' },
    cases: { type: 'string', default: Object.keys(cases).join() },
    /** Where the result goes. */
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
  },
});
const count = Number(options.subscribers);
const rounds = Number(options.rounds);

/** So many come at a time. */
const wave = 100;

/** Enough time for everything that follows from an action and, with all of them open, for a ping to each. */
const restMs = 5_000;
const openRestMs = 13_000;

interface Server {
  readonly process: ChildProcess;
  readonly url: string;
  readonly inspectorPort: number;
}

interface Round {
  readonly openSeconds: number;
  readonly openCpuSeconds: number;
  /** Resident, with all of them open and when they have left. */
  readonly openMegabytes: number;
  readonly leftMegabytes: number;
  /** Of a processor, while nothing happens but pings. */
  readonly restCpu: number;
  readonly changes: readonly Change[];
  /** Of all the changes and what follows from them. */
  readonly changeCpuSeconds: number;
}

/** From the moment a change was sent: until it was answered, until the first and until the last had heard of it. */
interface Change {
  readonly answeredMs: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

interface Result {
  readonly case: Case;
  readonly idleMegabytes: number;
  readonly rounds: readonly Round[];
  /** After a collection at the end: what was there for each of them, and what is left without them. */
  readonly liveKilobytesEach: number;
  readonly liveMegabytesLeft: number;
}

const megabytesOf = ({ process }: Server): number => memoryOf(process) ?? Number.NaN;
const cpuSecondsOf = ({ process }: Server): number => ownSeconds(process.pid ?? 0);

settle();
const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-subscribers-'));
const template = join(directory, 'template.db');
const operator = createKey(`file:${template}`, 'operator', 'admin');
const seed = await createDatabase(template, 0, count + rounds * cases.own.changes, unconfirmedTask);

async function start({ file, nodeOptions = [] }: Contender, what: Case): Promise<Server> {
  const [port, inspectorPort, database] = [await freePort(), await freePort(), join(directory, `${what}.db`)];
  copyFileSync(template, database);
  const place = { port, file: database, token: seed.token, upstreamUrl: 'http://127.0.0.1:65535' };
  const process = run(what === 'limit' ? join(import.meta.dirname, 'stream-limit.ts') : file, [], {
    core: 0,
    // Exactly so many places: one that was not given back would be missing in the next round.
    env: { ...settingsOf(service, place), MAX_SUBSCRIPTIONS: String(count) },
    nodeOptions: [...nodeOptions, `--inspect-port=${inspectorPort}`],
    logFile: join(directory, `${what}.log`),
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(`${url}/ready`, process);
  return { process, url, inspectorPort };
}

async function open(url: string, ids: readonly string[]): Promise<Subscriber[]> {
  const subscribers: Subscriber[] = [];
  while (subscribers.length < count) {
    const next = Array.from({ length: Math.min(wave, count - subscribers.length) }, (_, index) => {
      return new Subscriber(url, seed.token, ids[(subscribers.length + index) % ids.length] ?? '');
    });
    await Promise.all(next.map((subscriber) => subscriber.hears('UNCONFIRMED')));
    subscribers.push(...next);
  }
  return subscribers;
}

/** Has a task confirmed and waits until all of its subscribers have heard of it. */
async function change(url: string, id: string, subscribers: readonly Subscriber[]): Promise<Change> {
  const { path, ...request } = confirmRequest(id, operator);
  const sent = performance.now();
  const answer = fetch(new URL(path, url), request).then(async (response) => {
    if (!(await response.text()).includes('"status":"QUEUED"')) throw new Error('The task was not confirmed.');
    return performance.now() - sent;
  });
  const heard = await Promise.all(subscribers.map((subscriber) => subscriber.hears('QUEUED')));
  return { answeredMs: await answer, firstMs: Math.min(...heard) - sent, lastMs: Math.max(...heard) - sent };
}

/** All subscribe, then nothing happens, then tasks change. `onOpen` is called before they leave. */
async function round(what: Case, number: number, server: Server, onOpen: () => Promise<void>): Promise<Round> {
  const first = number * cases[what].changes;
  const ids = seed.openIds.slice(first, first + (what === 'own' ? count : 1));
  const [began, beforeOpen] = [performance.now(), cpuSecondsOf(server)];
  const subscribers = await open(server.url, ids);
  const [opened, afterOpen] = [performance.now(), cpuSecondsOf(server)];
  await sleep(openRestMs);
  const [openMegabytes, beforeChange] = [megabytesOf(server), cpuSecondsOf(server)];
  const changes: Change[] = [];
  for (const [index, id] of ids.slice(0, cases[what].changes).entries()) {
    changes.push(await change(server.url, id, what === 'own' ? subscribers.slice(index, index + 1) : subscribers));
  }
  // What was sent twice would come now.
  await sleep(200);
  const changeCpuSeconds = cpuSecondsOf(server) - beforeChange;
  const told = what === 'own' ? changes.length : count;
  const wrong = subscribers.filter(({ events }, index) => events !== (index < told ? 2 : 1));
  if (wrong.length > 0) throw new Error(`${wrong.length} subscribers did not get every event once.`);
  await onOpen();
  for (const subscriber of subscribers) subscriber.leave();
  await sleep(restMs);
  return {
    openSeconds: (opened - began) / 1_000,
    openCpuSeconds: afterOpen - beforeOpen,
    openMegabytes,
    leftMegabytes: megabytesOf(server),
    restCpu: (beforeChange - afterOpen) / (openRestMs / 1_000),
    changes,
    changeCpuSeconds,
  };
}

async function measure(contender: Contender, what: Case): Promise<Result> {
  const server = await start(contender, what);
  await sleep(restMs);
  const idleMegabytes = megabytesOf(server);
  const measured: Round[] = [];
  let liveBytes = 0;
  for (let number = 0; number < rounds; number++) {
    const last = number === rounds - 1;
    const onOpen = async () => {
      if (last) liveBytes = await liveBytesOf(server.process, server.inspectorPort);
    };
    measured.push(await round(what, number, server, onOpen));
  }
  const leftBytes = await liveBytesOf(server.process, server.inspectorPort);
  await stop(server.process);
  const liveKilobytesEach = (liveBytes - leftBytes) / count / 1_024;
  return { case: what, idleMegabytes, rounds: measured, liveKilobytesEach, liveMegabytesLeft: leftBytes / 1_048_576 };
}

const shown = ({ median, min, max }: Spread, digits = 0): string =>
  min === max ? median.toFixed(digits) : `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;

function cellsOf({ case: what, idleMegabytes, rounds: measured, liveKilobytesEach }: Result): string[] {
  const [first, ...later] = measured.map(({ openMegabytes }) => ((openMegabytes - idleMegabytes) * 1_024) / count);
  const over = (value: (one: Round) => number, digits?: number) => shown(spreadOf(measured.map(value)), digits);
  const overChanges = (value: (one: Change) => number) =>
    shown(spreadOf(measured.flatMap(({ changes }) => changes).map(value)));
  return [
    cases[what].title,
    first?.toFixed(1) ?? '',
    later.length > 0 ? Math.max(...later).toFixed(1) : '',
    liveKilobytesEach.toFixed(1),
    over(({ openCpuSeconds }) => (openCpuSeconds * 1_000) / count, 2),
    over(({ restCpu }) => restCpu * 100, 1),
    overChanges(({ answeredMs }) => answeredMs),
    overChanges(({ firstMs }) => firstMs),
    overChanges(({ lastMs }) => lastMs),
    what === 'own' ? '' : over(({ changeCpuSeconds }) => (changeCpuSeconds * 1_000_000) / count),
  ];
}

const heads = [
  `${count} subscribers`,
  'KB each',
  'in later rounds',
  'KB of objects',
  'ms of CPU to open',
  'CPU % at rest',
  'change answered ms',
  'first heard ms',
  'last heard ms',
  'µs of CPU an event',
];

const [service] = contenders as readonly [Contender];
try {
  const results: Result[] = [];
  for (const what of Object.keys(cases) as Case[]) {
    if (options.cases.split(',').includes(what)) results.push(await measure(service, what));
  }
  const report = {
    date: new Date().toISOString(),
    setting: { subscribers: count, rounds, nodeOptions: service.nodeOptions },
    machine: describeMachine([]),
    results,
  };
  mkdirSync(options.results, { recursive: true });
  writeFileSync(join(options.results, 'subscribers.json'), `${JSON.stringify(report, null, 2)}\n`);
  console.log(grid([heads, ...results.map(cellsOf)]));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
