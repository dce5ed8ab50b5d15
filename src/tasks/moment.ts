import type { CheckSchedule } from './check-schedule.ts';
import type { KeyFinder } from './upstream.ts';

/** When something happened, and by which schedule the task goes on. */
export interface Moment {
  readonly now: Date;
  readonly schedule: CheckSchedule;
  /** A random number from 0 up to 1, by which the checks of tasks that were ordered together drift apart. */
  readonly jitter: number;
  /** Blots the upstream's key out of what is written into a message. */
  readonly redact: (text: string) => string;
  /** How long a task that is tracked on waits at least. */
  readonly minPauseMs?: number;
}

/** Says what the present moment is. */
export type Clock = () => Moment;

export const createClock =
  (now: () => Date, schedule: CheckSchedule, { redact }: Pick<KeyFinder, 'redact'>): Clock =>
  () => ({ now: now(), schedule, jitter: Math.random(), redact });
