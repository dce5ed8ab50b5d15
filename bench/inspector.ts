import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/** Has a Node process collect its garbage, and returns what it then holds: objects of its own and buffers, in bytes. */
export async function liveBytesOf(child: ChildProcess, inspectorPort: number): Promise<number> {
  const evaluate = await openInspector(child, inspectorPort);
  // The second collection frees what the first one released, such as objects with finalizers.
  for (let times = 0; times < 2; times++) await evaluate('HeapProfiler.collectGarbage');
  const expression = 'JSON.stringify(process.memoryUsage())';
  const { result } = (await evaluate('Runtime.evaluate', { expression })) as { result: { value: string } };
  const { heapUsed, external } = JSON.parse(result.value) as NodeJS.MemoryUsage;
  return heapUsed + external;
}

/** How late the timers of a process are, in milliseconds. */
export interface LoopDelay {
  reset(): Promise<void>;
  read(): Promise<{ readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }>;
}

/** How often the delay is measured, which is what it is without any. */
const resolutionMs = 10;

/** Has a Node process measure the delay of its event loop. */
export async function watchLoop(child: ChildProcess, inspectorPort: number): Promise<LoopDelay> {
  const inspect = await openInspector(child, inspectorPort);
  const evaluate = async (expression: string) => {
    const { result } = (await inspect('Runtime.evaluate', { expression })) as { result: { value: string } };
    return result.value;
  };
  const hooks = "process.getBuiltinModule('node:perf_hooks')";
  await evaluate(
    `globalThis.loopDelay = ${hooks}.monitorEventLoopDelay({ resolution: ${resolutionMs} }); loopDelay.enable();`,
  );
  return {
    reset: async () => void (await evaluate('loopDelay.reset()')),
    read: async () => {
      const written = await evaluate('JSON.stringify([50, 99, 100].map((part) => loopDelay.percentile(part) / 1e6))');
      const [p50Ms = 0, p99Ms = 0, maxMs = 0] = (JSON.parse(written) as number[]).map((ms) => ms - resolutionMs);
      return { p50Ms, p99Ms, maxMs };
    },
  };
}

/** A process that was started as ever opens its inspector on SIGUSR1, at the port of its option --inspect-port. */
async function openInspector(child: ChildProcess, port: number) {
  child.kill('SIGUSR1');
  let found: { webSocketDebuggerUrl: string }[] | null = null;
  while (!found) {
    await sleep(50);
    found = await fetch(`http://127.0.0.1:${port}/json/list`).then(
      (answer) => answer.json() as Promise<{ webSocketDebuggerUrl: string }[]>,
      () => null,
    );
  }
  const socket = new WebSocket(found[0]?.webSocketDebuggerUrl ?? '');
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  let calls = 0;
  return (method: string, params: object = {}): Promise<unknown> =>
    new Promise((resolve) => {
      calls += 1;
      const id = calls;
      const read = ({ data }: MessageEvent) => {
        const message = JSON.parse(String(data)) as { id?: number; result?: unknown };
        if (message.id !== id) return;
        socket.removeEventListener('message', read);
        resolve(message.result);
      };
      socket.addEventListener('message', read);
      socket.send(JSON.stringify({ id, method, params }));
    });
}
