import type { FailureCode } from './failures.ts';
import type { Moment } from './moment.ts';
import type { ChangeCause, HistoryEntry, TaskChange, TaskStatus, VideoTask } from './task.ts';

/** What all transitions share: how a task ends, and how a change is recorded in its history. */

/** A change to a terminal state. */
export const ended = (status: TaskStatus, { now }: Moment): TaskChange => ({
  status,
  completedAt: now,
  turn: null,
  nextCheckAt: null,
  leasedUntil: null,
});

/** A change to FAILED. */
export const failed = (failureCode: FailureCode, failureMessage: string, moment: Moment): TaskChange => ({
  ...ended('FAILED', moment),
  failureCode,
  failureMessage,
});

/**
 * How long a history may get before entries are left out that may come again and again: changes of the upstream's word
 * alone, in which a relay may write its progress, and attempts to send an order, where no connection can be made.
 */
const maxRepeatedEntries = 100;

/** Adds the history entry to a change of the status or of the upstream's word. Other changes get no entry. */
export function recorded(
  task: VideoTask,
  change: TaskChange,
  cause: ChangeCause,
  { now }: Pick<Moment, 'now'>,
): TaskChange {
  const { status = task.status, upstreamStatus = task.upstreamStatus, checkCount = task.checkCount } = change;
  if (status === task.status && upstreamStatus === task.upstreamStatus) return change;
  if (task.history.length >= maxRepeatedEntries) {
    const { upstreamStatus: _, ...unseen } = change;
    if (status === task.status) return unseen;
    if (status === 'WAITING' || status === 'SUBMITTING') return change;
  }
  return { ...change, history: historyWith(task, now, { to: status, cause, upstreamStatus, attempt: checkCount }) };
}

/**
 * The history with one more entry. An entry is never older than the one before it, although the clock may be set back or
 * be another machine's.
 */
export function historyWith({ status: from, history }: VideoTask, now: Date, entry: Omit<HistoryEntry, 'from' | 'at'>) {
  const before = history.at(-1)?.at ?? '';
  const at = now.toISOString() > before ? now.toISOString() : before;
  return [...history, { from, at, ...entry }];
}
