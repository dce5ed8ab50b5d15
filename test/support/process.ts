import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

export interface ServiceProcess {
  /** The URL of the GraphQL endpoint, as the log says it. */
  readonly url: string;
  readonly process: ChildProcess;
  /** Everything it has written to its log so far. */
  log(): string;
  /** Ends it and returns its exit code, or the signal's name. */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

/** The directory of Node's compile cache, the same as of `npm start`, because it makes a start faster. */
export const [compileCache = ''] = /(?<=NODE_COMPILE_CACHE=)\S+/.exec(manifest.scripts.start) ?? [];

/** Runs the service as a process of its own, as `npm run dev` (with --development) and `npm start` do. */
export function spawnService(settings: Record<string, string>, ...args: string[]): ChildProcess {
  return spawnServiceOnto(['pipe', 'pipe'], settings, ...args);
}

/** The same with an output and an error output of the test's own. */
export function spawnServiceOnto(
  outputs: readonly ['pipe' | number, 'pipe' | number],
  settings: Record<string, string>,
  ...args: string[]
): ChildProcess {
  const { PATH = '' } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE: compileCache, PORT: '0', SANDBOX_PORT: '0', ...settings };
  const child = spawn(process.execPath, ['src/main.ts', ...args], { env, stdio: ['ignore', ...outputs] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/**
 * Runs the service by one of npm's scripts, as README says. npm and all its children are a process group of their own,
 * so that a signal can reach all of them and none of them outlives the test.
 */
export function spawnScript(settings: Record<string, string>, ...args: string[]): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, npm_config_update_notifier: 'false', PORT: '0', SANDBOX_PORT: '0', ...settings };
  const child = spawn('npm', args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    if (isGroupAlive(child)) process.kill(-(child.pid ?? 0), 'SIGKILL');
  });
  return child;
}

/** Whether any process of the group that this process leads is left. */
export function isGroupAlive({ pid }: ChildProcess): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}

/** Runs the service and resolves when it serves. */
export const startService = (settings: Record<string, string>, ...args: string[]): Promise<ServiceProcess> =>
  serving(spawnService(settings, ...args));

/** Resolves when the service that `child` is, or has started, serves. */
export async function serving(child: ChildProcess): Promise<ServiceProcess> {
  const lines: string[] = [];
  const exited = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    const read = (line: string) => {
      lines.push(line);
      const [found] = /http:\/\/\S+\/graphql/.exec(line) ?? [];
      if (found) resolve(found);
    };
    for (const stream of [child.stdout, child.stderr]) if (stream) createInterface(stream).on('line', read);
    exited.then(([code]) => reject(new Error(`the service ended with ${code}:\n${lines.join('\n')}`)), reject);
  });
  return {
    url,
    process: child,
    log: () => lines.join('\n'),
    async end(signal) {
      child.kill(signal);
      const [code, by] = await exited;
      return code ?? by;
    },
  };
}

/** Sends a document over HTTP. */
export async function post(url: string, query: string, variables: object = {}, accept = 'application/json') {
  const headers = { 'content-type': 'application/json', accept };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
}
