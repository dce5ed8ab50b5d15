import cluster, { type Worker } from 'node:cluster';
import type { Environment } from './environment.ts';
import { createLog } from './log.ts';

/** A worker that ends sooner than this after its start is not replaced before. */
const minLifeMs = 3_000;

/**
 * Runs so many processes of the service on one port, replaces those that end, and ends when it is told to and all of
 * them have. The first is started alone: what keeps it from starting would keep the others, and is to be said once.
 */
export function runWorkers(count: number, args: string[], logSettings: Environment['log']): void {
  const log = createLog(logSettings);
  const running = new Set<Worker>();
  let serving = false;
  let stopping = false;
  let exitCode = 0;

  function start(): void {
    const worker = cluster.fork();
    const startedAt = performance.now();
    running.add(worker);
    worker.once('message', () => {
      if (!serving) for (let others = 1; others < count; others++) start();
      serving = true;
    });
    const ended = (code: number | null, signal: string | null) => {
      running.delete(worker);
      if (stopping) {
        // Who was still starting had nothing to end in order.
        if (code !== 0 && signal !== 'SIGTERM') exitCode = 1;
        exitAfterLast();
      } else if (serving) {
        log.error({ worker: worker.process.pid, code, signal }, 'a worker ended, another takes its place');
        setTimeout(() => stopping || start(), Math.max(0, startedAt + minLifeMs - performance.now()));
      } else process.exit(code ?? 1);
    };
    worker.once('exit', ended);
    // A connection could not be handed to a worker that is ending, for one.
    worker.on('error', (err) => {
      log.error({ err, worker: worker.process.pid }, 'a worker cannot be reached');
      // What could not even be started does not exit either.
      if (worker.process.pid === undefined) ended(1, null);
    });
  }

  function exitAfterLast(): void {
    if (running.size === 0) process.exit(exitCode);
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stopping = true;
      for (const worker of running) worker.process.kill('SIGTERM');
      exitAfterLast();
    });
  }
  // Each of them is a service by itself.
  cluster.setupPrimary({ args });
  log.info({ workers: count }, 'starting workers');
  start();
}

/** In a worker: resolves when its primary is gone, so that it can end in order. Elsewhere it never does. */
export function primaryGone(): Promise<void> {
  const { worker } = cluster;
  return new Promise((resolve) => {
    worker?.once('disconnect', () => {
      // Without this, node:cluster would end it on the spot, with orders under way.
      worker.exitedAfterDisconnect = true;
      resolve();
    });
  });
}
