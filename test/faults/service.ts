import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { noSpendingLimits } from '../support/local-caller.ts';
import { compileCache } from '../support/process.ts';

/** The upstream's key, which must never be seen anywhere but on its way to the upstream. */
export const apiKey = 'sk-faults-7c1e9a55d0';

export const submitTimeoutMs = 800;
export const checkTimeoutMs = 300;
/** What src/environment.ts adds to the longest timeout before a lease ends. */
export const leaseMarginMs = 5_000;

/** One process of the service. */
export interface Instance {
  /** Unique among the processes of a run: it is in the path of all it sends to the upstream. */
  readonly name: string;
  /** The URL of the GraphQL endpoint. */
  readonly url: string;
  readonly pid: number;
  /** When it was killed by SIGKILL; null where it was not. */
  killedAt: number | null;
  /** Whether it got a SIGTERM. */
  stopping: boolean;
  alive: boolean;
  /** Whether it got a SIGSTOP. */
  wasPaused: boolean;
  /** Resolves with the exit code, or the signal's name, once it has ended. */
  readonly exited: Promise<number | string>;
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

export interface InstanceSettings {
  readonly name: string;
  readonly databaseUrl: string;
  readonly upstreamUrl: string;
  /** Gets every line it logs. */
  readonly log: string[];
  readonly settings?: Record<string, string>;
}

const root = join(import.meta.dirname, '../..');

/** Starts the service in production mode with short times and resolves when it serves. */
export async function startInstance(options: InstanceSettings): Promise<Instance> {
  const { PATH = '' } = process.env;
  const env = {
    PATH,
    NODE_COMPILE_CACHE: compileCache,
    DATABASE_URL: options.databaseUrl,
    GROK_API_KEY: apiKey,
    GROK_API_BASE_URL: options.upstreamUrl,
    GROK_SUBMIT_TIMEOUT_MS: String(submitTimeoutMs),
    GROK_CHECK_TIMEOUT_MS: String(checkTimeoutMs),
    TRACKER_FIRST_CHECK_MS: '20',
    TRACKER_INTERVAL_MS: '20',
    STORAGE_URL: 'none',
    LOG_LEVEL: 'info',
    PORT: '0',
    ...noSpendingLimits,
    ...options.settings,
  };
  const child = spawn(process.execPath, ['src/main.ts'], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit').then(([code, signal]): number | string => code ?? signal);
  const url = await urlInLog(child, exited, options.log);
  const instance: Instance = {
    name: options.name,
    url,
    pid: child.pid ?? 0,
    killedAt: null,
    stopping: false,
    alive: true,
    exited,
    wasPaused: false,
    signal(signal) {
      instance.wasPaused ||= signal === 'SIGSTOP';
      child.kill(signal);
    },
    async kill() {
      if (!instance.alive) return;
      instance.alive = false;
      instance.killedAt = Date.now();
      child.kill('SIGKILL');
      await exited;
    },
  };
  void exited.then(() => {
    instance.alive = false;
  });
  return instance;
}

function urlInLog(child: ChildProcess, exited: Promise<number | string>, log: string[]): Promise<string> {
  const from = log.length;
  return new Promise((resolve, reject) => {
    const read = (line: string) => {
      log.push(line);
      const [found] = /http:\/\/\S+\/graphql/.exec(line) ?? [];
      if (found) resolve(found);
    };
    for (const stream of [child.stdout, child.stderr]) if (stream) createInterface(stream).on('line', read);
    exited.then((end) => reject(new Error(`the service ended with ${end}:\n${log.slice(from).join('\n')}`)), reject);
  });
}

/** Ends it by SIGTERM and says what was wrong with its end; null where it ended with 0 within ten seconds. */
export async function endGracefully(instance: Instance): Promise<string | null> {
  const began = Date.now();
  instance.stopping = true;
  instance.signal('SIGTERM');
  const patience = new Promise<string>((resolve) => setTimeout(resolve, 10_000, 'nothing within 10 s').unref());
  const end = await Promise.race([instance.exited, patience]);
  // A process that the run killed meanwhile counts as killed, not as a bad end.
  const killed = instance.killedAt !== null;
  await instance.kill();
  return end === 0 || killed ? null : `SIGTERM brought ${end} after ${Date.now() - began} ms`;
}
