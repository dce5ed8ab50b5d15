/**
 * `npm run example:federation` starts the video service on its sandbox, the graph of products, and Hive Gateway in front
 * of both, all on this machine. Other ports: `-- --port 4100 --videos-port 4101 --products-port 4102 --sandbox-port 4103`.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { install } from '../../scripts/install.ts';

const here = import.meta.dirname;

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '4100' },
    'videos-port': { type: 'string', default: '4101' },
    'products-port': { type: 'string', default: '4102' },
    'sandbox-port': { type: 'string', default: '4103' },
    /** Where the database and the supergraph are kept. */
    data: { type: 'string', default: join(here, 'data') },
  },
});

const at = (port: string): string => `http://127.0.0.1:${port}`;
const videos = at(options['videos-port']);
const products = at(options['products-port']);
const gateway = at(options.port);
const supergraph = join(resolve(options.data), 'supergraph.graphql');

const tryThis = `mutation {
  submitVideo(input: { grokVideo3: { prompt: "A paper boat in the rain" } }) {
    task { id status }
  }
}`;

const children: ChildProcess[] = [];
let stopping = false;

/** Ends everything that was started, and then this. */
async function stop(exitCode: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  const running = children.filter(({ exitCode: code, signalCode }) => code === null && signalCode === null);
  const ended = running.map((child) => once(child, 'exit'));
  for (const child of running) child.kill('SIGTERM');
  await Promise.all(ended);
  process.exit(exitCode);
}

/** Runs a program of Node's as a process of its own. If one of them ends, the others are of no use. */
function run(name: string, args: readonly string[], env?: Record<string, string>): void {
  const child = spawn(process.execPath, args, {
    cwd: here,
    stdio: ['ignore', 'inherit', 'inherit'],
    ...(env && { env }),
  });
  children.push(child);
  child.once('exit', (code, signal) => {
    if (!stopping) console.error(`${name} has ended (${code ?? signal}).`);
    void stop(1);
  });
}

async function untilReady(url: string): Promise<void> {
  for (;;) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    await sleep(100);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(0));

install(here);
mkdirSync(options.data, { recursive: true });
writeFileSync(
  supergraph,
  execFileSync(process.execPath, ['compose.ts', `${videos}/graphql`, `${products}/graphql`], { cwd: here }),
);

// The environment contains no GROK_API_KEY, even if the shell has one, so nothing can be paid for.
run('The video service', [join(here, '../../src/main.ts'), '--development'], {
  PORT: options['videos-port'],
  SANDBOX_PORT: options['sandbox-port'],
  DATABASE_URL: `file:${resolve(options.data)}/videos.db`,
});
run('The graph of products', ['products.ts', options['products-port']]);
const hiveGateway = join(here, 'node_modules/@graphql-hive/gateway/dist/bin.js');
run('The gateway', [hiveGateway, 'supergraph', supergraph, '--host', '127.0.0.1', '--port', options.port]);

await Promise.all([`${videos}/ready`, `${products}/health`, `${gateway}/readiness`].map(untilReady));
console.log(
  `\nThe graph is at ${gateway}/graphql, to be explored with a browser. Try this, and then README.md:\n\n${tryThis}\n`,
);
console.log('Ctrl-C ends all of it.');
