import type { Logger } from 'pino';
import { describeImage } from '../catalogue/reference-image.ts';
import type { SentRequest } from '../catalogue/video-request.ts';
import {
  DatabaseUnavailableError,
  LimitExceededError,
  NotConfiguredError,
  StorageUnavailableError,
} from '../errors.ts';
import { type Clock, later } from '../tasks/moment.ts';
import { afterDeadline, afterLosingImages, beforeSending } from '../tasks/order-transitions.ts';
import type { RecordChange } from '../tasks/record-change.ts';
import type { TaskChange, VideoTask } from '../tasks/task.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import { isTooLate, type WaitReason } from '../tasks/wait-reasons.ts';
import { ClaimLoop } from '../work/claim-loop.ts';
import type { Permit } from './account-changes.ts';
import type { AccountGate } from './account-gate.ts';
import type { OpenLimits } from './open-limits.ts';
import { type OrderImages, prepareImages } from './order-images.ts';
import type { OrderSender } from './order-sender.ts';
import { orderedImageOf } from './resubmission.ts';

export interface WaitingDependencies {
  readonly store: Pick<TaskStore, 'listWaiting' | 'listTooLate' | 'countWaitingBefore' | 'findReferenceImages'>;
  readonly gate: AccountGate;
  readonly openLimits: OpenLimits;
  readonly sender: Pick<OrderSender, 'send'>;
  readonly images: OrderImages;
  readonly record: RecordChange;
  readonly clock: Clock;
  readonly now: () => Date;
  readonly log: Logger;
}

export interface WaitingSettings {
  readonly pollMs: number;
  readonly submitLeaseMs: number;
}

/** A waiting order that is sent now. */
interface Claimed {
  readonly task: VideoTask;
  readonly request: SentRequest;
  readonly permit: Permit;
}

/** Where a waiting order stands. */
export interface WaitingPlace {
  readonly reason: WaitReason;
  /** How many orders are sent before it, counted up to `maxAhead`. */
  readonly ahead: number;
  /** When it is sent at the earliest, as far as that is known; null where it is not. */
  readonly estimatedStartAt: Date | null;
  readonly startBefore: Date | null;
}

/** Where counting the orders before a waiting one stops. */
export const maxAhead = 1_000;

/** How many waiting orders are sent at the same time by one instance, where the upstream does not refuse orders. */
const concurrency = 4;

/** How many orders whose time is over are ended with one claim. */
const maxExpired = 100;

/** How often a claim looks further, where the orders that it found cannot be sent now. */
const maxLooks = 10;

/** Sends waiting orders in their turn, and ends those whose time is over. All instances share the work. */
export class WaitingOrders {
  readonly #with: WaitingDependencies;
  readonly #settings: WaitingSettings;
  readonly #loop: ClaimLoop<Claimed>;
  /**
   * Clients whose next order cannot be sent now, so that those of others are looked for. Kept where one claim was too
   * short for all of them.
   */
  readonly #passedOver = new Set<string>();

  constructor(dependencies: WaitingDependencies, settings: WaitingSettings) {
    const { log, sender } = dependencies;
    this.#with = dependencies;
    this.#settings = settings;
    const work = {
      claim: (limit: number) => this.#claim(limit),
      work: async (claimed: Claimed) => void (await sender.send({ ...claimed, keepForLater: async () => true })),
      onFailed: ({ task }: Claimed, err: unknown) => log.error({ taskId: task.id, err }, 'waiting order not recorded'),
      onClaimFailed: (err: unknown) => log.error({ err }, 'waiting orders could not be claimed'),
    };
    this.#loop = new ClaimLoop(work, { concurrency, pollMs: settings.pollMs });
  }

  start(): void {
    this.#loop.start();
  }

  /** Claims no more orders, and resolves when those under way have been recorded. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Sends every order that may be sent now. */
  sendDue(): Promise<void> {
    return this.#loop.runDue();
  }

  /** Where an order stands among those that wait; null where it does not wait. Throws DatabaseUnavailableError. */
  async placeOf({ turn, waitsFor, startBefore }: VideoTask): Promise<WaitingPlace | null> {
    if (turn === null) return null;
    const { store, gate } = this.#with;
    const ahead = await store.countWaitingBefore(turn, maxAhead);
    const account = await gate.account();
    const reason = account.pausedAt === null ? (account.blockedBy ?? waitsFor ?? 'EARLIER_ORDERS') : 'PAUSED';
    return { reason, ahead, estimatedStartAt: gate.estimateStart(account, ahead), startBefore };
  }

  /** What was claimed before an error is sent all the same: it would become UNCONFIRMED with its lease otherwise. */
  async #claim(limit: number): Promise<readonly Claimed[]> {
    await this.#endTooLate();
    const claimed: Claimed[] = [];
    try {
      await this.#claimInTurn(limit, claimed);
    } catch (err) {
      if (claimed.length === 0) throw err;
      this.#with.log.error({ err }, 'no more waiting orders could be claimed');
    }
    if (claimed.length > 0) this.#passedOver.clear();
    return claimed;
  }

  async #claimInTurn(limit: number, claimed: Claimed[]): Promise<void> {
    const { store, gate } = this.#with;
    const passedOver = this.#passedOver;
    for (let look = 0; look < maxLooks && claimed.length < limit; look++) {
      const tasks = await store.listWaiting(limit - claimed.length, [...passedOver]);
      if (tasks.length === 0) {
        gate.noteHeldBack([...passedOver]);
        await gate.noteNoneWaiting();
        return passedOver.clear();
      }
      for (const task of tasks) {
        if (passedOver.has(task.client)) continue;
        // Its images may take long to be read, and those that are claimed already must not wait for them.
        if (claimed.length > 0 && task.mode !== 'TEXT_TO_VIDEO') return;
        const found = await this.#claimOne(task);
        if (found === 'NOT_NOW') return passedOver.clear();
        if (found === 'NOT_THIS') passedOver.add(task.client);
        else if (found) claimed.push(found);
      }
    }
  }

  async #endTooLate(): Promise<void> {
    const { store, clock, now } = this.#with;
    for (const task of await store.listTooLate(now(), maxExpired)) await this.#end(task, afterDeadline(task, clock()));
  }

  /**
   * Claims an order. `NOT_NOW` where no order may be sent now, `NOT_THIS` where this one may not; null where it has
   * ended, or another instance has it.
   */
  async #claimOne(task: VideoTask): Promise<Claimed | 'NOT_NOW' | 'NOT_THIS' | null> {
    const { gate, openLimits, record, clock, now } = this.#with;
    if (isTooLate(task, now())) {
      await this.#end(task, afterDeadline(task, clock()));
      return null;
    }
    const reached = await openLimits.reached(task, 1);
    if (reached !== null) return reached === 'MAX_OPEN' ? 'NOT_NOW' : 'NOT_THIS';
    const permit = await gate.admit('WAIT', task.turn);
    if (typeof permit !== 'object') return 'NOT_NOW';
    let leased: VideoTask | null = null;
    try {
      // Read before the order is claimed: a store that does not answer leaves it where it is.
      const request = await this.#requestOf(task);
      if (request === null) return null;
      const leasedUntil = later(now(), this.#settings.submitLeaseMs);
      const change = beforeSending(task, { leasedUntil, account: gate.name }, clock());
      leased = change && (await record(task, change));
      return leased && { task: leased, request, permit };
    } catch (error) {
      if (error instanceof StorageUnavailableError) return 'NOT_THIS';
      throw error;
    } finally {
      if (!leased) await gate.settle(permit, null);
    }
  }

  /**
   * What is sent for a waiting order. Null where its images cannot be sent any more, so that the order has ended: it
   * would otherwise hold up all that come after it.
   */
  async #requestOf(task: VideoTask): Promise<SentRequest | null> {
    const { store, images, clock, log } = this.#with;
    const { model, prompt, durationSeconds, aspectRatio, resolution } = task;
    try {
      const facts = task.mode === 'TEXT_TO_VIDEO' ? [] : await store.findReferenceImages(task.id);
      const described = facts.map((image) => describeImage(orderedImageOf(task, image)));
      // Whether the client may use the images was found out when it ordered: the operator may use those of others.
      const prepared = await prepareImages(images, { client: task.client, seesAll: true }, model, described);
      return { model, prompt, durationSeconds, aspectRatio, resolution, imageUrls: await prepared.urls() };
    } catch (err) {
      if (err instanceof DatabaseUnavailableError || err instanceof StorageUnavailableError) throw err;
      log.error({ taskId: task.id, err }, 'the images of a waiting order cannot be sent');
      await this.#end(task, afterLosingImages(task, messageFor(err), clock()));
      return null;
    }
  }

  async #end(task: VideoTask, change: TaskChange | null): Promise<void> {
    if (change) await this.#with.record(task, change);
  }
}

/** Why an order with images ends unsent. Errors that callers are not told about stay in the log. */
const messageFor = (error: unknown): string =>
  error instanceof NotConfiguredError || error instanceof LimitExceededError
    ? `The order was not sent: ${error.message}`
    : 'The images of the order were not kept until it could be sent.';
