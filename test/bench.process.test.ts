import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { contenders } from '../bench/contenders.ts';
import { client, createDatabase, createKey } from '../bench/database.ts';
import { askFor, listsAround, pages } from '../bench/lists.ts';
import { createTasks, retired } from '../bench/many-tasks.ts';
import { start } from '../bench/measure.ts';
import { pictureOf } from '../bench/picture.ts';
import { freePort, run, stop } from '../bench/processes.ts';
import { reportOf, tableOf } from '../bench/report.ts';
import { isAnswer, requestOf } from '../bench/requests.ts';
import { track } from '../bench/track.ts';
import { watch } from '../bench/watch.ts';

/** The peers and autocannon are not installed here: what is tested is everything else. */
test('the service answers the requests of the bench as the bench expects', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-bench-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const template = join(directory, 'template.db');
  const seed = await createDatabase(template, 30);
  const port = await freePort();
  const upstream = run('bench/upstream.ts', [String(port)], { core: 1 });
  onTestFinished(() => stop(upstream));
  const [service] = contenders;
  if (!service) throw new Error('There is nothing to measure.');
  const ground = { directory, template, seed, upstreamUrl: `http://127.0.0.1:${port}`, profiles: null };
  const { process, url, readyMs } = await start(service, ground);
  onTestFinished(() => stop(process));
  expect(readyMs).toBeGreaterThan(0);

  for (const what of ['read', 'list', 'submit'] as const) {
    const { path, ...request } = requestOf(what, 'graphql', seed);
    const answer = await fetch(new URL(path, url), request);
    expect(isAnswer(what, await answer.text()), what).toBe(true);
  }

  const order = {
    url,
    pid: process.pid ?? 0,
    what: 'watch',
    protocol: 'graphql',
    seed,
    seconds: 0.3,
    connections: 4,
  } as const;
  const seen = await watch(order, order.seconds);
  expect(seen.wrong).toBe(0);
  expect(seen.answers).toBeGreaterThan(3);
  expect(seen.p99Ms).toBeGreaterThanOrEqual(seen.p50Ms);
});

test('every list of the growth bench is answered with a full page', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-bench-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const template = join(directory, 'template.db');
  const url = `file:${template}`;
  const lists = listsAround(await createTasks(url, 3_000));
  const keys = {
    bench: createKey(url, client),
    retired: createKey(url, retired),
    admin: createKey(url, 'operator', 'admin'),
  };
  const [service] = contenders;
  if (!service) throw new Error('There is nothing to measure.');
  const seed = { token: '', ids: [], openIds: [] };
  const ground = { directory, template, seed, upstreamUrl: 'http://127.0.0.1:65535', profiles: null };
  const started = await start(service, ground);
  onTestFinished(() => stop(started.process));
  for (const list of lists) {
    for (const page of [pages.first(), pages.last()]) {
      await askFor(`${started.url}/graphql`, keys[list.caller], list, page);
    }
  }
}, 120_000);

test('the counts of the tracking bench agree with the stand-in and the rows', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-bench-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const times = { intervalMs: 500, answerMs: 5, warmUpSeconds: 0.5, seconds: 2, probeSeconds: 0.3 };
  const place = { directory, databaseUrl: `file:${join(directory, 'open.db')}`, profiles: null };
  const tracked = await track({ tasks: 30, concurrency: 10, ...times }, place);
  expect(tracked.checks).toBeGreaterThan(0);
  expect(tracked.lagKnown).toBeGreaterThan(0.5);
  expect(tracked.lagP99Ms).toBeGreaterThanOrEqual(tracked.lagP50Ms);
  expect(tracked.lagP50Ms).toBeGreaterThanOrEqual(0);
  // At most the checks that the stop aborted.
  expect(tracked.unrecorded).toBeGreaterThanOrEqual(0);
  expect(tracked.unrecorded).toBeLessThanOrEqual(10);
});

test('a report says medians, spreads and ratios, by time and by processor time', () => {
  const measured = { p50Ms: 5, p99Ms: 20, answers: 1_000, wrong: 0, loadCpu: 0.3, case: 'read' } as const;
  const round = (contender: string, number: number, perSecond: number, own: number) => ({
    ...measured,
    contender,
    round: number,
    perSecond,
    cpu: { own, others: 1 - own },
  });
  const rounds = [
    round('service', 1, 2_000, 1),
    round('service', 2, 3_000, 1),
    round('service', 3, 1_000, 0.5),
    round('mercurius', 1, 1_000, 1),
    round('mercurius', 2, 1_000, 1),
    round('mercurius', 3, 800, 0.8),
  ];
  const starts = { service: { readyMs: [700, 900, 800], idleMegabytes: 120 } };
  const setting = { seconds: 5, rounds: 3, connections: 32, tasks: 1_000 };
  const machine = { node: 'v24', cores: 2, processor: 'any', loadAverage: [0, 0, 0], pinned: 'no', peers: {} };
  const report = reportOf({ rounds, starts }, setting, machine);

  expect(report.lines).toMatchObject([
    { contender: 'service', perSecond: { median: 2_000, min: 1_000, max: 3_000 }, serviceRatio: null },
    {
      contender: 'mercurius',
      disturbed: expect.closeTo(0.2),
      serviceRatio: { median: 2, min: 1.25, max: 3 },
      serviceCpuRatio: { median: 2, min: 2, max: 3 },
    },
  ]);
  expect(report.starts).toEqual([
    { contender: 'service', readyMs: { median: 800, min: 700, max: 900 }, idleMegabytes: 120 },
  ]);
  expect(tableOf(report)).toContain('2.00× (1.25–3.00)');
  const picture = pictureOf(report);
  expect(picture).toMatch(/^<svg [^>]+>\n/);
  expect(picture).toContain('2000/s');
  expect(picture).toMatch(/<\/svg>\n$/);
});
