import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import type { StorageSettings } from '../../src/files/open-file-store.ts';

const source = (path: string): string => new URL(`../../src/${path}`, import.meta.url).href;

/** What each program begins with: `files`, a store over the settings, and a body of `mebibytes` times 1 MiB. */
const beginning = `
  import { openFileStore } from '${source('files/open-file-store.ts')}';
  const files = await openFileStore(JSON.parse(process.argv[1]));
  const mebibyte = 1024 * 1024;
  async function* bodyOf(mebibytes, text = 'a') {
    for (let index = 0; index < mebibytes * 16; index++) yield Buffer.alloc(mebibyte / 16, text);
  }
`;

export interface FileProgram {
  readonly process: ChildProcess;
  /** The next line that it prints; null where it has ended. */
  line(): Promise<string | null>;
  /** Kills it, and resolves when it is gone. */
  kill(): Promise<void>;
}

/** Runs a program over a store as a process of its own, behind another command where one is given. */
export function startFileProgram(program: string, settings: StorageSettings, ...before: string[]): FileProgram {
  const node = [process.execPath, '--no-warnings', '--input-type=module', '-e', `${beginning}${program}`];
  const [command = '', ...parameters] = [...before, ...node, JSON.stringify(settings)];
  const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    process: child,
    line: async () => (await lines.next()).value ?? null,
    async kill() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

/** How many bytes pass through the program below, and by how much its memory may grow meanwhile. */
export const passedBytes = 300 * 1024 * 1024;
export const maxGrowthBytes = passedBytes / 2;

/** Stores 300 MB and reads them again; prints by how much the memory of its process grew at most. */
export const storesAndReads = `
  const { setTimeout: sleep } = await import('node:timers/promises');
  await (await files.receive(bodyOf(1), { maxBytes: mebibyte })).keep('small', 'video/mp4');
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => { most = Math.max(most, process.memoryUsage.rss()); }, 5);
  const file = await files.receive(bodyOf(${passedBytes} / mebibyte), { maxBytes: ${passedBytes} });
  await file.keep('large', 'video/mp4');
  let read = 0;
  for await (const chunk of await files.open('large')) read += chunk.length;
  clearInterval(timer);
  console.log(JSON.stringify({ read, growth: most - before }));
`;

/** What runs a command in a file system of its own, where this machine allows that; empty elsewhere. */
export const ownMounts: readonly string[] =
  spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0 ? ['unshare', '-rm'] : [];
