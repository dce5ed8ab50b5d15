import { sqltag as sql } from '@prisma/client/runtime/client';
import type { DatabaseClient } from './database.ts';
import type { Task } from './generated/sqlite/client.ts';

/** The statements about orders that wait. Only their rows have a turn, so each reads one end of an index. */

/** Turns begin at 1. A comparison is looked up in the index, which `IS NOT NULL` is not on SQLite. */
const hasTurn = { turn: { gt: 0 } };

const inTurn = [{ turn: 'asc' }, { id: 'asc' }] as const;

export const listWaiting = (
  { task }: DatabaseClient,
  limit: number,
  exceptClients: readonly string[],
): Promise<Task[]> =>
  task.findMany({
    where: { ...hasTurn, ...(exceptClients.length > 0 && { client: { notIn: [...exceptClients] } }) },
    orderBy: [...inTurn],
    take: limit,
  });

export const listTooLate = ({ task }: DatabaseClient, now: Date, limit: number): Promise<Task[]> =>
  task.findMany({
    where: { status: 'WAITING', startBefore: { lte: now } },
    orderBy: { startBefore: 'asc' },
    take: limit,
  });

export async function lastTurnOf({ task }: DatabaseClient, client: string): Promise<number> {
  const select = { turn: true };
  const last = await task.findFirst({ where: { client, ...hasTurn }, orderBy: { turn: 'desc' }, select });
  return last?.turn ?? 0;
}

/** It is SQL, because Prisma sorts what it counts up to a limit. */
export async function countWaitingBefore(client: DatabaseClient, turn: number, limit: number): Promise<number> {
  const [found] = await client.$queryRaw<{ count: number | bigint }[]>(
    sql`SELECT COUNT(*) AS "count" FROM (SELECT 1 FROM "Task" WHERE "turn" > 0 AND "turn" < ${turn} LIMIT ${limit}) AS "counted"`,
  );
  return Number(found?.count ?? 0);
}
