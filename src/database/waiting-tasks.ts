import type { DatabaseClient } from './database.ts';
import type { Task } from './generated/sqlite/client.ts';

/** The statements about orders that wait. Only their rows have a turn, so each reads one end of an index. */

const inTurn = [{ turn: 'asc' }, { id: 'asc' }] as const;

export const listWaiting = (
  { task }: DatabaseClient,
  limit: number,
  exceptClients: readonly string[],
): Promise<Task[]> =>
  task.findMany({
    where: { turn: { not: null }, ...(exceptClients.length > 0 && { client: { notIn: [...exceptClients] } }) },
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
  const last = await task.findFirst({ where: { client, turn: { not: null } }, orderBy: { turn: 'desc' }, select });
  return last?.turn ?? 0;
}

export const countWaitingBefore = ({ task }: DatabaseClient, turn: number, limit: number): Promise<number> =>
  task.count({ where: { turn: { lt: turn } }, take: limit });
