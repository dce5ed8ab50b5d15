import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseClient } from '../src/database/database.ts';
import { partOf } from './statistics.ts';

/** When the stand-in was asked about each task, in milliseconds since the epoch, by the upstream's id. */
export type Arrivals = Readonly<Record<string, readonly number[]>>;

export interface Schedule {
  /** When the task with this upstream id was due after so many checks, in milliseconds since the epoch. */
  dueAt(upstreamId: string, checks: number): number | undefined;
  /** Ends the looking. */
  end(): Promise<void>;
}

/** Reads so many rows at a time, with a pause in between, because this process also has to time answers. */
const part = { rows: 1_000, pauseMs: 5 };

/**
 * Reads the due time of each task at an interval. A due time stays in the row from one check to the next, so a shorter
 * interval misses none.
 */
export function watchSchedule({ task }: DatabaseClient, everyMs: number): Schedule {
  const times = new Map<string, number>();
  const keyOf = (upstreamId: string | null, checks: number): string => `${upstreamId} ${checks}`;
  const ended = new AbortController();
  const select = { id: true, upstreamId: true, checkCount: true, nextCheckAt: true } as const;

  async function look(after = ''): Promise<void> {
    const where = { id: { gt: after } };
    const rows = await task.findMany({ where, select, orderBy: { id: 'asc' }, take: part.rows });
    for (const { upstreamId, checkCount, nextCheckAt } of rows) {
      if (nextCheckAt) times.set(keyOf(upstreamId, checkCount), nextCheckAt.getTime());
    }
    await sleep(part.pauseMs);
    const last = rows.at(-1);
    if (last) await look(last.id);
  }

  async function lookAgainAndAgain(): Promise<void> {
    while (!ended.signal.aborted) {
      await look();
      await Promise.race([sleep(everyMs), once(ended.signal, 'abort')]);
    }
  }

  const looking = lookAgainAndAgain();
  return {
    dueAt: (upstreamId, checks) => times.get(keyOf(upstreamId, checks)),
    async end() {
      ended.abort();
      await looking;
    },
  };
}

export interface Lag {
  readonly checks: number;
  /** From the moment at which a check was due until the stand-in had the request. */
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
  /** The part of the checks of which it is known when they were due. */
  readonly lagKnown: number;
}

/** How late the checks were that arrived between two moments. */
export function lagOf(arrivals: Arrivals, { dueAt }: Schedule, from: number, to: number): Lag {
  const lags: number[] = [];
  let checks = 0;
  for (const [id, moments] of Object.entries(arrivals)) {
    for (const [before, moment] of moments.entries()) {
      if (moment < from || moment >= to) continue;
      checks += 1;
      const due = dueAt(id, before);
      if (due !== undefined) lags.push(moment - due);
    }
  }
  return {
    checks,
    lagP50Ms: partOf(lags, 0.5),
    lagP99Ms: partOf(lags, 0.99),
    lagMaxMs: partOf(lags, 1),
    lagKnown: lags.length / checks,
  };
}
