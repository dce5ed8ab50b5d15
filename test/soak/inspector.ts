/** The memory and handles that a process holds after a garbage collection. */
export interface Holdings {
  readonly heapBytes: number;
  readonly residentBytes: number;
  /** How many of each kind of what keeps a process at work: timers, sockets, requests. */
  readonly resources: Readonly<Record<string, number>>;
}

const program = `JSON.stringify({
  heapBytes: process.memoryUsage().heapUsed + process.memoryUsage().external,
  residentBytes: process.memoryUsage.rss(),
  resources: Object.fromEntries(Map.groupBy(process.getActiveResourcesInfo(), (name) => name).entries().map(([name, all]) => [name, all.length])),
})`;

/**
 * Reads the state of a process through Node's inspector, at the address in its log. It disconnects afterwards, because
 * a process that ends waits for its inspector.
 */
export async function holdingsOf(log: readonly string[]): Promise<Holdings> {
  const [address = ''] = log.flatMap((line) => /ws:\/\/127\.0\.0\.1:\S+/.exec(line) ?? []);
  const socket = new WebSocket(address);
  const closed = new Promise<never>((_, reject) => {
    socket.addEventListener('close', () => reject(new Error('the process cannot be looked into')));
  });
  try {
    await Promise.race([new Promise((resolve) => socket.addEventListener('open', resolve)), closed]);
    // What is let go of in one collection may hold something until the next.
    for (let id = 1; id <= 3; id++) await Promise.race([ask(socket, id, 'HeapProfiler.collectGarbage'), closed]);
    const looking = ask(socket, 4, 'Runtime.evaluate', { expression: program });
    const { result } = (await Promise.race([looking, closed])) as { result: { value: string } };
    return JSON.parse(result.value);
  } finally {
    closed.catch(() => {});
    socket.close();
  }
}

function ask(socket: WebSocket, id: number, method: string, params: object = {}): Promise<unknown> {
  socket.send(JSON.stringify({ id, method, params }));
  return new Promise((resolve) => {
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as { id?: number; result?: unknown };
      if (answer.id === id) resolve(answer.result);
    });
  });
}
