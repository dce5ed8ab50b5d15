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
      socket.addEventListener('message', ({ data }) => {
        const message = JSON.parse(String(data)) as { id?: number; result?: unknown };
        if (message.id === id) resolve(message.result);
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
}
