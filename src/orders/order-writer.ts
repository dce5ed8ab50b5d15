import { type Clock, later } from '../tasks/moment.ts';
import { afterHolding } from '../tasks/order-transitions.ts';
import type { RecordChange } from '../tasks/record-change.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import type { AccountGate } from './account-gate.ts';
import type { Admission, Beginning } from './admission.ts';
import type { Draft } from './draft.ts';
import type { PreparedImages } from './order-images.ts';
import type { OrderKey } from './order-key.ts';

export interface WriterDependencies {
  readonly store: Pick<TaskStore, 'create'>;
  readonly gate: AccountGate;
  readonly admission: Admission;
  readonly record: RecordChange;
  readonly clock: Clock;
  readonly now: () => Date;
}

/** An order whose images were found. */
export interface Prepared {
  readonly images: PreparedImages;
  readonly key: OrderKey;
  /** Keeps what the order needs in order to be sent later. False where that is not possible. */
  readonly keepForLater: () => Promise<boolean>;
}

/** A task that was written, how it begins, and the images that are sent for it. */
export interface Written {
  readonly task: VideoTask;
  readonly beginning: Beginning;
  readonly imageUrls: readonly string[];
}

/** How an order begins that may not be sent now. */
type Held = Extract<Beginning, { readonly permit: null }>;

/** Writes the tasks of new orders: those that are sent now, and those that are held back. */
export class OrderWriter {
  readonly #with: WriterDependencies;
  readonly #submitLeaseMs: number;

  /** `submitLeaseMs` is how long a submit may take before the tracker records its task as UNCONFIRMED. */
  constructor(dependencies: WriterDependencies, submitLeaseMs: number) {
    this.#with = dependencies;
    this.#submitLeaseMs = submitLeaseMs;
  }

  /** Writes the task of an order that was counted. Null where its key belongs to another task. */
  async write(draft: Draft, { images, key, keepForLater }: Prepared): Promise<Written | null> {
    const { store, gate, admission } = this.#with;
    const beginning = await admission.begin(draft, keepForLater);
    let task: VideoTask | null = null;
    try {
      const imageUrls = beginning.permit === null ? [] : await images.urls();
      await key.free();
      const resubmissionOfId = key.repeatedId ?? draft.resubmissionOfId;
      const placed = { ...this.#placeOf(beginning), resubmissionOfId, referenceImages: images.referenceImages };
      task = await admission.enter(draft, beginning, async () => {
        const created = await store.create({ ...draft, ...placed });
        return created && beginning.permit === null ? this.#hold(created, beginning) : created;
      });
      return task && { task, beginning, imageUrls };
    } finally {
      if (!task && beginning.permit) await gate.settle(beginning.permit, null);
    }
  }

  /**
   * The state in which a task is written. The lease of one that is sent begins now, because its images may take long to
   * be read. If this process dies, the tracker finds the task once the lease has ended.
   *
   * One that is held back is written like that too, without an attempt, and changed afterwards: had the first write made
   * it wait, and its answer been lost, an order of which its caller hears that nothing was ordered would be sent later.
   */
  #placeOf({ permit }: Beginning) {
    const { gate, now } = this.#with;
    const leasedUntil = later(now(), this.#submitLeaseMs);
    const sent = { account: gate.name, sendAttempt: Number(permit !== null), leasedUntil, nextCheckAt: leasedUntil };
    return { status: 'SUBMITTING', turn: null, waitsFor: null, ...sent } as const;
  }

  /**
   * Holds an order back: it waits, or it may not and has failed. Where the database does not take that, the tracker ends
   * the task as unsent once its lease is over.
   */
  async #hold(task: VideoTask, { waitsFor: reason, turn, problem }: Held): Promise<VideoTask> {
    const { record, clock, gate } = this.#with;
    const change = afterHolding(task, { sendAttempt: task.sendAttempt, reason, turn, problem }, clock());
    const held = (change && (await record(task, change).catch(() => null))) ?? task;
    if (held.status === 'WAITING') gate.noteWaiting();
    return held;
  }
}
