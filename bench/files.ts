/**
 * `node bench/files.ts` has videos stored and served at once, and says what that takes of memory and what it does to
 * other requests meanwhile. README.md beside this file says how.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { contenders, settingsOf } from './contenders.ts';
import { createDatabase } from './database.ts';
import { measure, type Phase, type Service, storeVideos, whileRead } from './file-phases.ts';
import { watchLoop } from './inspector.ts';
import { describeMachine } from './machine.ts';
import { freePort, run, settle, stop, untilReady } from './processes.ts';
import { grid } from './report.ts';

const { values: options } = parseArgs({
  options: {
    videos: { type: 'string', default: '50' },
    megabytes: { type: 'string', default: '100' },
    /** How fast those read who read while videos are stored, each; `none` for as fast as it comes. */
    'reader-kilobytes': { type: 'string', default: 'none' },
    /** At once, each at `slow-kilobytes` a second. */
    'slow-readers': { type: 'string', default: '300' },
    'slow-kilobytes': { type: 'string', default: '100' },
    seconds: { type: 'string', default: '20' },
    /** Settings of the service, such as STORE_CONCURRENCY=50,STORE_BYTES_PER_SECOND=none. */
    settings: { type: 'string', default: '' },
    /** Where the result goes. */
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
  },
});
const videos = Number(options.videos);
const sizeBytes = Number(options.megabytes) * 1_000_000;
const seconds = Number(options.seconds);
const readerSpeed = options['reader-kilobytes'] === 'none' ? null : Number(options['reader-kilobytes']) * 1_000;

settle();
const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-bench-'));

async function start(sourcePort: number): Promise<Service> {
  const service = contenders[0];
  if (!service) throw new Error('The service is no contender.');
  const file = join(directory, 'videos.db');
  const seed = await createDatabase(file, 1_000);
  const [port, inspectorPort] = [await freePort(), await freePort()];
  const process = run(service.file, [], {
    core: 0,
    env: {
      ...settingsOf(service, { port, file, token: seed.token, upstreamUrl: `http://127.0.0.1:${sourcePort}` }),
      ...{ TRACKER_FIRST_CHECK_MS: '100', TRACKER_INTERVAL_MS: '100', STORE_CONCURRENCY: String(videos) },
      OUTBOUND_PRIVATE_HOSTS: `127.0.0.1:${sourcePort}`,
      ...Object.fromEntries(options.settings.split(',').map((pair) => pair.split('='))),
    },
    nodeOptions: [...(service.nodeOptions ?? []), `--inspect-port=${inspectorPort}`],
    logFile: join(directory, 'service.log'),
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(`${url}/ready`, process);
  return { process, url, seed, loop: await watchLoop(process, inspectorPort) };
}

const columns: Record<string, (phase: Phase) => string> = {
  '': ({ what }) => what,
  seconds: (phase) => phase.seconds.toFixed(0),
  'MB at first': ({ megabytes }) => megabytes.first.toFixed(0),
  'MB at most': ({ megabytes }) => megabytes.most.toFixed(0),
  'read p50': ({ reads }) => `${reads.p50Ms.toFixed(1)} ms`,
  'read p99': ({ reads }) => `${reads.p99Ms.toFixed(1)} ms`,
  'bench late p99': ({ benchLate }) => `${benchLate.p99Ms.toFixed(1)} ms`,
  'loop p50': ({ loopDelay }) => `${loopDelay.p50Ms.toFixed(1)} ms`,
  'loop p99': ({ loopDelay }) => `${loopDelay.p99Ms.toFixed(1)} ms`,
  'loop max': ({ loopDelay }) => `${loopDelay.maxMs.toFixed(0)} ms`,
  CPU: ({ cpu }) => `${Math.round(cpu * 100)} %`,
  'MB/s stored': ({ stored }) => stored.toFixed(0),
  'MB/s served': ({ served }) => served.toFixed(0),
};

const tableOf = (phases: readonly Phase[]): string =>
  grid([Object.keys(columns), ...phases.map((phase) => Object.values(columns).map((cell) => cell(phase)))]);

/** So long nothing but the reads happens. */
async function rest(): Promise<object> {
  await sleep(seconds * 1_000);
  return {};
}

try {
  const sourcePort = await freePort();
  const source = run(join(import.meta.dirname, 'video-source.ts'), [String(sizeBytes), String(sourcePort)], {
    core: 1,
  });
  const service = await start(sourcePort);
  await measure('warm-up', service, rest);
  const phases = [await measure('idle', service, rest)];
  let links: string[] = [];
  const store = async () => {
    links = await storeVideos(service, videos);
  };
  const stored = videos * sizeBytes;
  phases.push(
    await measure(`${videos} stored`, service, async () => {
      await store();
      return { stored };
    }),
  );
  phases.push(
    await measure(`${videos} stored, ${videos} served`, service, async () => ({
      served: await whileRead(links, videos, readerSpeed, store),
      stored,
    })),
  );
  const slow = Number(options['slow-readers']);
  const slowly = Number(options['slow-kilobytes']) * 1_000;
  phases.push(
    await measure(`${slow} slow readers`, service, async () => ({
      served: await whileRead(links, slow, slowly, () => sleep(seconds * 1_000)),
    })),
  );
  phases.push(await measure('idle again', service, rest));
  console.log(tableOf(phases));
  const { results, ...settings } = options;
  const report = { date: new Date().toISOString(), options: settings, phases, machine: describeMachine([]) };
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, 'files.json'), `${JSON.stringify(report, null, 2)}\n`);
  await Promise.all([stop(source), stop(service.process)]);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
