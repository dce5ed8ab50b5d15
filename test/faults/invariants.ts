import { isTerminal, type VideoTask } from '../../src/tasks/task.ts';
import { wrongAnswers } from './answers.ts';
import type { TaskRow } from './database.ts';
import { attemptsOf, brokenSends } from './sends.ts';
import { apiKey, checkTimeoutMs, leaseMarginMs, submitTimeoutMs } from './service.ts';
import { flawless, markerOf, mayBeBilled, type Post, promptOf } from './upstream.ts';
import { statusOfEnding } from './upstream-faults.ts';
import type { World } from './world.ts';

const ended = ({ status }: TaskRow): boolean => isTerminal({ status: status as VideoTask['status'] });

/** Everything that must hold once all tasks are finished; each returned sentence is a broken invariant. */
export function brokenInvariants(world: World, rows: readonly TaskRow[]): string[] {
  return [
    ...world.problems,
    ...brokenSends(world, rows),
    ...lostIds(world, rows),
    ...lostTasks(world, rows),
    ...wrongAnswers(world, rows),
    ...wrongCancellations(world, rows),
    ...leakedKey(world, rows),
    ...stuckTasks(rows),
    ...untrueStates(world, rows),
    ...errorsLogged(world),
  ];
}

const tasksOf = (marker: string, rows: readonly TaskRow[]): TaskRow[] =>
  rows.filter(({ prompt }) => prompt === promptOf(marker));

function lostIds(world: World, rows: readonly TaskRow[]): string[] {
  return world.upstream.posts.flatMap((post) => {
    const tasks = tasksOf(post.marker, rows);
    if (post.deliveredAt === null || tasks.some(({ upstreamId }) => upstreamId === post.upstreamId)) return [];
    const missed = (row: TaskRow) =>
      (mayHaveMissed(world, post) || cameTooLate(world, post, row)) && isUnconfirmed(row);
    if (tasks.some(missed)) return [];
    const { upstreamId, fault, process } = post;
    return [
      `I2: ${upstreamId} (${fault}) was delivered to ${process}${lastOf(world, post)} but is not in ${tasks.map(story)}`,
    ];
  });
}

/** When the process was killed, in relation to the delivery. */
function lastOf(world: World, { process, deliveredAt }: Post): string {
  const killedAt = world.instance(process)?.killedAt ?? null;
  return killedAt === null ? ', which was never killed,' : `, killed ${killedAt - (deliveredAt ?? 0)} ms later,`;
}

/** Less than the last look lasts that a submit takes at its connection before it gives up. */
const lastLookWithinMs = 100;

/** Whether the answer left after the submit had timed out: on a busy machine the upstream may be slow too. */
function cameTooLate({ log }: World, { deliveredAt }: Post, { id }: TaskRow): boolean {
  const line = log.find((text) => text.includes('"submit failed"') && text.includes(id));
  const gaveUpAt: number = line ? JSON.parse(line).time : Number.POSITIVE_INFINITY;
  return (deliveredAt ?? 0) > gaveUpAt - lastLookWithinMs;
}

/** More than saving an answer takes, on a machine that has a lot to do. */
const commitWithinMs = 2_000;

/** Whether the process was killed before it can be expected to have recorded the answer to this POST. */
function diedUnanswered(world: World, { process, at, answeredAt }: Post): boolean {
  const killedAt = world.instance(process)?.killedAt ?? null;
  return killedAt !== null && killedAt - (answeredAt ?? at) <= commitWithinMs;
}

/** Whether the process died between the delivery and the commit, right after (or while) the id was on its way. */
function mayHaveMissed(world: World, post: Post): boolean {
  const killedAt = world.instance(post.process)?.killedAt ?? null;
  return killedAt !== null && killedAt - (post.deliveredAt ?? 0) <= commitWithinMs;
}

/** Unconfirmed, or abandoned. */
const isUnconfirmed = ({ status, failureCode }: TaskRow): boolean =>
  failureCode === 'SUBMISSION_UNCONFIRMED' && (status === 'UNCONFIRMED' || status === 'FAILED');

function lostTasks({ client }: World, rows: readonly TaskRow[]): string[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return client.seen.flatMap((seen) => {
    const row = byId.get(seen.id);
    if (!row) return [`I3: the acknowledged task ${seen.id} (${seen.prompt}) is not in the store`];
    const changed =
      row.prompt !== seen.prompt ||
      (seen.upstreamId !== null && row.upstreamId !== seen.upstreamId) ||
      (isTerminal({ status: seen.status as VideoTask['status'] }) &&
        (row.status !== seen.status || row.failureCode !== (seen.failure?.code ?? null)));
    return changed ? [`I3: acknowledged as ${describe(seen)}, now ${describe(row)}`] : [];
  });
}

/** What a call for several tasks said to be cancelled is, and each was told once. */
function wrongCancellations({ client }: World, rows: readonly TaskRow[]): string[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const wrong = client.cancelled.filter((id) => !isCancelledByCaller(byId.get(id)));
  const twice = client.cancelled.length - new Set(client.cancelled).size;
  return [
    ...wrong.map((id) => `I3: ${id} was said to be cancelled, now ${describe(byId.get(id) ?? { id })}`),
    ...(twice > 0 ? [`${twice} tasks were said to be cancelled twice`] : []),
  ];
}

const isCancelledByCaller = (row: TaskRow | undefined): boolean =>
  row?.status === 'CANCELLED' && row.failureCode === null && row.history.at(-1)?.cause === 'CANCEL';

/** In a row the key may stand only where the upstream itself has put it into what is needed to fetch the video. */
function leakedKey({ client, log }: World, rows: readonly TaskRow[]): string[] {
  const shown = rows.map(({ videoUrl: _, upstreamId: __, ...row }) => JSON.stringify(row));
  const places = { answer: client.answers, 'log line': log, row: shown };
  return Object.entries(places).flatMap(([place, texts]) =>
    texts.filter((text) => text.includes(apiKey)).map((text) => `I4: the key is in the ${place} ${text}`),
  );
}

function stuckTasks(rows: readonly TaskRow[]): string[] {
  return rows
    .filter((row) => !(isResting(row) && row.nextCheckAt === null && row.leasedUntil === null))
    .map((row) => `I5: with nothing in the way it stays ${describe(row)}`);
}

/** The task will not change by itself any more. */
export const isResting = (row: TaskRow): boolean => ended(row) || row.status === 'UNCONFIRMED';

/** Tasks that wait for an event that will never come. */
export function waitingTooLong(rows: readonly TaskRow[], now = Date.now()): string[] {
  const leaseMs = Math.max(submitTimeoutMs, checkTimeoutMs) + leaseMarginMs;
  const pauseMs = 15 * 60_000;
  return rows.flatMap((row) => [
    ...((row.leasedUntil ?? 0) > now + leaseMs ? [`I5: leased for too long: ${describe(row)}`] : []),
    ...((row.nextCheckAt ?? 0) > now + pauseMs ? [`I5: checked too late: ${describe(row)}`] : []),
    ...(!isResting(row) && (row.nextCheckAt ?? row.turn) === null ? [`I5: never checked again: ${describe(row)}`] : []),
  ]);
}

/** A task must be what the upstream made of it, and have come there step by step. */
function untrueStates(world: World, rows: readonly TaskRow[]): string[] {
  return rows.flatMap((row) => {
    const history = brokenHistory(row) ? [`the history does not lead to ${describe(row)}`] : [];
    const untrue =
      row.upstreamId === null ? untrueWithoutId(world, row, rows) : untrueEnding(world, row, row.upstreamId);
    return [...history, ...(untrue ? [`${describe(row)} ${untrue}`] : [])];
  });
}

const postsOf = ({ upstream }: World, row: TaskRow): Post[] =>
  upstream.posts.filter(({ marker }) => promptOf(marker) === row.prompt);

/** What the upstream's checks say that ends a task: once, or three times in a row. */
const endingChecks = [
  { fault: '404', times: 3, failureCode: 'UPSTREAM_TASK_NOT_FOUND' },
  { fault: '410', times: 1, failureCode: 'UPSTREAM_TASK_NOT_FOUND' },
  { fault: '400 for content', times: 3, failureCode: 'CONTENT_REFUSED' },
] as const;

/** What is wrong with the end of a task that the upstream had accepted. */
function untrueEnding(world: World, row: TaskRow, upstreamId: string): string | null {
  const { ended: told, scripts } = world.upstream;
  const script = scripts.get(markerOf(row.prompt)) ?? flawless;
  const { status, failureCode } = statusOfEnding[script.ending];
  if (told.has(upstreamId) && row.status === status && row.failureCode === failureCode) return null;
  const hadLink = script.ending === 'without URL' && script.checks.includes('processing with a link');
  if (hadLink && row.status === 'COMPLETED') return null;
  const byCheck = endingChecks.some(
    ({ fault, times, failureCode: code }) =>
      row.failureCode === code && script.checks.filter((check) => check === fault).length >= times,
  );
  return byCheck ? null : `but the upstream said ${script.ending}`;
}

/** What is wrong with the state of a task that has no id of the upstream's. */
function untrueWithoutId(world: World, row: TaskRow, rows: readonly TaskRow[]): string | null {
  const posts = postsOf(world, row);
  const refused = posts.filter((post) => !mayBeBilled(post));
  const told = posts.map(({ fault }) => fault).join(', ') || 'never asked';
  if (isCancelledByCaller(row)) return null;
  if (isUnconfirmed(row)) {
    // On a busy machine a refusal may also arrive after its submit has timed out.
    const late = row.failureMessage?.includes('did not answer in time');
    // A process may also die after it has written the order down and before it has sent it.
    const attempts = rows.filter(({ prompt }) => prompt === row.prompt).flatMap(attemptsOf);
    const excused =
      late ||
      posts.length < attempts.length ||
      refused.length < posts.length ||
      refused.some((post) => diedUnanswered(world, post));
    return excused ? null : `though the upstream refused it (${told})`;
  }
  const unsent = unsentFailures[row.failureCode ?? ''];
  if (row.status === 'FAILED' && (unsent?.(world, row) || refused.length > 0)) return null;
  return `though the upstream did not refuse it (${told})`;
}

/** The failures of orders that were not sent, and when they are true. */
const unsentFailures: Record<string, (world: World, row: TaskRow) => boolean> = {
  WAIT_EXPIRED: (_, { startBefore, history }) =>
    startBefore !== null && Date.parse(history.at(-1)?.at ?? '') >= startBefore,
  SUBMITTING_PAUSED: ({ pauseCount }) => pauseCount > 0,
  // A process may also die after it has written down an order that has to wait, and before it has made it wait.
  UPSTREAM_UNREACHABLE: ({ upstream, kills }, { sendAttempt }) =>
    upstream.wasDisconnected || (kills > 0 && sendAttempt === 0),
};

/** From which state to which a task may go. */
const legalChanges: Partial<Record<string, readonly string[]>> = {
  WAITING: ['SUBMITTING', 'CANCELLED', 'FAILED'],
  SUBMITTING: ['WAITING', 'QUEUED', 'FAILED', 'UNCONFIRMED'],
  UNCONFIRMED: ['QUEUED', 'FAILED'],
  QUEUED: ['QUEUED', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED'],
  PROCESSING: ['PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED'],
};

function brokenHistory({ history, status }: TaskRow): boolean {
  const first = history[0]?.from ?? status;
  const states = [first, ...history.map(({ to }) => to)];
  const begins = first === 'SUBMITTING' || first === 'WAITING';
  const illegal = history.some(({ from, to }, index) => from !== states[index] || !legalChanges[from]?.includes(to));
  return !begins || illegal || states.at(-1) !== status;
}

/** What Yoga logs of an error that it also sends to the client. */
const toldToClient =
  /"err":\{"type":"\w+","message":"[^"]*","stack":"(IdempotencyKeyMismatch|TaskState|ServiceStopping)Error/;

/** A process that was paused may find that the time for a query is over, before it reads the answer that has come. */
const wokeTooLate = ({ instances }: World, line: string): boolean =>
  line.includes('Query read timeout') &&
  instances.some(({ pid, wasPaused }) => wasPaused && line.includes(`"pid":${pid},`));

/** The database was there all the time, so nothing had to fail. */
const errorsLogged = (world: World): string[] =>
  world.log
    .filter((line) => !line.startsWith('{"level":') || /"level":[56]0/.test(line))
    .filter((line) => !toldToClient.test(line) && !wokeTooLate(world, line))
    .map((line) => `logged: ${line}`);

/** The history of a row, for the report of a broken invariant. */
const story = (row: TaskRow): string =>
  `${describe(row)} after ${row.history.map(({ to, cause }) => `${to} by ${cause}`).join(', ')}: ${row.failureMessage}`;

const describe = ({ id, status, failureCode, prompt }: Partial<TaskRow>): string =>
  `${status} ${failureCode ?? ''} ${id} (${prompt})`;
