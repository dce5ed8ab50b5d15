import type { CheckSchedule } from './check-schedule.ts';
import type { KeyFinder } from './upstream.ts';

/** The present time, and what else a transition needs that is not part of the task. */
export interface Moment {
  readonly now: Date;
  readonly schedule: CheckSchedule;
  /** A random number from 0 up to 1. It spreads the checks of tasks that were submitted together. */
  readonly jitter: number;
  /** Replaces the upstream's key in a text that goes into a message. */
  readonly redact: (text: string) => string;
  /** Whether finished videos are stored. */
  readonly storing: boolean;
  /** The shortest pause before the next check. */
  readonly minPauseMs?: number;
}

/** The time so many milliseconds after another. */
export const later = (date: Date, ms: number): Date => new Date(date.getTime() + ms);

/** Returns the present moment. */
export type Clock = () => Moment;

export const createClock =
  (now: () => Date, schedule: CheckSchedule, { redact }: Pick<KeyFinder, 'redact'>, storing: boolean): Clock =>
  () => ({ now: now(), schedule, jitter: Math.random(), redact, storing });
