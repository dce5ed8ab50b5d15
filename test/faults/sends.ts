import type { TaskRow } from './database.ts';
import { submitTimeoutMs } from './service.ts';
import { mayBeBilled, nameIn, type Post, promptOf } from './upstream.ts';
import type { World } from './world.ts';

/** What must hold of every POST; each returned sentence is a broken invariant. */
export const brokenSends = (world: World, rows: readonly TaskRow[]): string[] => [
  ...paidTwice(world),
  ...sentUnrecorded(world, rows),
  ...refusedTooOften(rows),
  ...sentWhilePaused(world),
];

/** A POST that may be billed is the last one of its order, and of its key. Only one that was refused may be followed. */
function paidTwice({ upstream }: World): string[] {
  const posts = Map.groupBy(upstream.posts, ({ marker }) => nameIn(marker));
  return [...posts].flatMap(([name, sent]) => {
    const billed = sent.findIndex(mayBeBilled);
    const after = billed < 0 ? [] : sent.slice(billed + 1);
    const told = sent.map(({ fault, process }) => `${fault} from ${process}`).join(', ');
    return after.length > 0 ? [`I1: ${name} was sent again after a POST that may be billed: ${told}`] : [];
  });
}

/** A period in which a task was SUBMITTING, in milliseconds: within it, one POST may come. */
interface Attempt {
  readonly row: TaskRow;
  readonly from: number;
  readonly until: number;
}

/** More than the clocks of two processes differ, in which a time is rounded. */
const clockMs = 5;

/** Longer than a POST takes to be seen by an upstream that has a lot to do. */
const seenWithinMs = 1_000;

/** The attempts to send the order of a task, by its history. */
export function attemptsOf(row: TaskRow): Attempt[] {
  const { history, createdAt, status } = row;
  const states = [
    { to: history[0]?.from ?? status, at: createdAt },
    ...history.map(({ to, at }) => ({ to, at: Date.parse(at) })),
  ];
  return states.flatMap(({ to, at }, index) => {
    if (to !== 'SUBMITTING') return [];
    const next = states[index + 1];
    // A POST may be seen late whose answer was not waited for any longer.
    const lateMs = next?.to === 'UNCONFIRMED' ? submitTimeoutMs + seenWithinMs : clockMs;
    return [{ row, from: at - clockMs, until: (next?.at ?? Number.POSITIVE_INFINITY) + lateMs }];
  });
}

/**
 * Each POST belongs to an attempt of its own. So nothing is sent of an order that waits, was cancelled or has expired,
 * and nothing that is not in the store.
 */
function sentUnrecorded({ upstream }: World, rows: readonly TaskRow[]): string[] {
  const attempts = Map.groupBy(rows.flatMap(attemptsOf), ({ row }) => row.prompt);
  return upstream.posts.flatMap((post) => {
    const left = attempts.get(promptOf(post.marker)) ?? [];
    const index = left.findIndex(({ from, until }) => from <= post.at && post.at <= until);
    const [attempt] = index < 0 ? [] : left.splice(index, 1);
    if (!attempt) return [`I2: a POST of ${post.marker} (${post.fault}) was sent outside of all attempts of its tasks`];
    return sentTooLate(post, attempt) ? [`a POST of ${post.marker} was sent after its startBefore`] : [];
  });
}

const sentTooLate = ({ at }: Post, { row }: Attempt): boolean =>
  row.startBefore !== null && at > row.startBefore + seenWithinMs;

/** Where this is reached, an order is not sent again. */
const maxRefusals = 20;

const refusedTooOften = (rows: readonly TaskRow[]): string[] =>
  rows
    .filter(({ refusalCount }) => refusalCount > maxRefusals)
    .map(({ id, refusalCount }) => `${id} was refused ${refusalCount} times and sent again`);

function sentWhilePaused({ upstream, pauses }: World): string[] {
  return upstream.posts.flatMap(({ at, marker }) =>
    pauses.some(({ from, until }) => from + clockMs < at && at < until)
      ? [`${marker} was sent while submitting was paused`]
      : [],
  );
}
