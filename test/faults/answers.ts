import { type FailureCode, failures } from '../../src/tasks/failures.ts';
import type { Sent } from './client.ts';
import type { TaskRow } from './database.ts';
import { markerOf, nameIn, promptOf } from './upstream.ts';
import type { World } from './world.ts';

/** Ended without being billed, so that the order's key is free again. */
const isFree = ({ failureCode }: Pick<TaskRow, 'failureCode'>): boolean =>
  failureCode !== null && !failures[failureCode as FailureCode].mayBeBilled;

/** The answers under each key: one task, beside orders that were refused and could be sent again. */
export function wrongAnswers(world: World, rows: readonly TaskRow[]): string[] {
  const problems = world.client.sent.flatMap((sent) => problemOf(world, sent, rows));
  for (const [name, sent] of Map.groupBy(world.client.sent, ({ order }) => nameIn(order.marker))) {
    const told = sent.flatMap(({ outcome }) => (typeof outcome === 'object' && 'task' in outcome ? [outcome] : []));
    const free = new Set(rows.filter(isFree).map(({ id }) => id));
    const ids = new Set(told.map(({ task }) => task.id));
    if ([...ids].filter((id) => !free.has(id)).length > 1) problems.push(`${name} was answered with several tasks`);
    const anew = told.filter(({ replayed }) => !replayed);
    if (new Set(anew.map(({ task }) => task.id)).size < anew.length) problems.push(`${name} shows a task as new twice`);
  }
  return problems;
}

function problemOf({ instances }: World, { order, process, outcome }: Sent, rows: readonly TaskRow[]): string[] {
  const told = `${order.marker} at ${process}`;
  const instance = instances.find(({ name }) => name === process);
  if (typeof outcome === 'string') {
    const excused = instance?.killedAt !== null || instance.stopping;
    return excused ? [] : [`${told} got no answer: ${outcome}`];
  }
  if ('task' in outcome) {
    return outcome.task.prompt === promptOf(order.marker) ? [] : [`${told} got the order ${outcome.task.prompt}`];
  }
  if (outcome.code === 'SERVICE_STOPPING' && instance?.stopping) return [];
  const others = rows.filter(({ prompt }) => prompt !== promptOf(order.marker) && sameKey(prompt, order.marker));
  if (outcome.code === 'IDEMPOTENCY_KEY_MISMATCH' && others.length > 0) return [];
  return [`${told} got the error ${outcome.code}`];
}

const sameKey = (prompt: string, marker: string): boolean => nameIn(markerOf(prompt)) === nameIn(marker);
