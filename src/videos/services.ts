import type { Logger } from 'pino';
import type { TaskStore } from '../database/task-store.ts';
import type { Pubsub } from '../pubsub.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import type { Ledger } from './ledger.ts';
import type { Schedule } from './schedule.ts';
import type { VideoTask } from './task.ts';
import type { Throttle } from './throttle.ts';
import type { Moment } from './transitions.ts';

/** What the functions of this folder work with. */
export interface Services {
  readonly store: TaskStore;
  readonly upstream: UpstreamClient;
  readonly ledger: Ledger;
  readonly pubsub: Pubsub;
  readonly log: Logger;
  readonly now: () => Date;
  readonly schedule: Schedule;
  /** Hears every reply of the upstream's, and says how many checks may be under way. */
  readonly throttle: Throttle;
  /** How long a submit may take before its task counts as abandoned. */
  readonly submitLeaseMs: number;
  /** How long an idempotency key stands for its order. */
  readonly idempotencyKeyLifetimeMs: number;
  /** How often a watcher looks for itself, whatever it was told. */
  readonly rereadMs: number;
  /** Submits under way, for the shutdown to wait for. */
  readonly submitting: Set<Promise<unknown>>;
  /** The orders whose submit twins are waiting for, by the task's id. */
  readonly awaited: Map<string, Promise<VideoTask>>;
  /** The keyed orders that are being counted and written down, by client and key. */
  readonly entering: Map<string, Promise<unknown>>;
  /** Ends the watchers when the service stops. */
  readonly stopping: AbortSignal;
  /** Breaks submits off when the service cannot wait for them any longer. */
  readonly aborting: AbortSignal;
}

/** What a service begins with. */
export const noOrdersUnderWay = (): Pick<Services, 'submitting' | 'awaited' | 'entering'> => ({
  submitting: new Set(),
  awaited: new Map(),
  entering: new Map(),
});

/** The present, with this service's schedule. */
export const momentOf = ({ now, schedule, upstream }: Services): Moment => ({
  now: now(),
  schedule,
  jitter: Math.random(),
  redact: upstream.redact,
});
