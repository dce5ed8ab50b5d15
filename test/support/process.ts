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

/** What Node keeps of the sources, where `npm start` keeps it too: a process of the service starts faster by it. */
export const [compileCache = ''] = /(?<=NODE_COMPILE_CACHE=)\S+/.exec(manifest.scripts.start) ?? [];

/** Runs the service as a process of its own, as `npm run dev` (with --development) and `npm start` do. */
export function spawnService(settings: Record<string, string>, ...args: string[]): ChildProcess {
  const { PATH = '' } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE: compileCache, PORT: '0', SANDBOX_PORT: '0', ...settings };
  const child = spawn(process.execPath, ['src/main.ts', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Runs the service and resolves when it serves. */
export async function startService(settings: Record<string, string>, ...args: string[]): Promise<ServiceProcess> {
  const child = spawnService(settings, ...args);
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
