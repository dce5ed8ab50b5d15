import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { later } from '../tasks/moment.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import type { SubmitReply } from '../tasks/upstream.ts';
import type { WaitReason, WhenBusy } from '../tasks/wait-reasons.ts';
import type { Account, AccountChange, AccountStore } from './account.ts';
import { afterReply, type Permit, unblocked, withoutUse } from './account-changes.ts';

export interface GateSettings {
  /** The name of the account under which orders are sent. */
  readonly account: string;
  /** How many orders are sent in any minute; null for no limit. */
  readonly submitsPerMinute: number | null;
  /** How long sending one order may take. */
  readonly submitLeaseMs: number;
}

export interface GateDependencies {
  readonly accounts: AccountStore;
  readonly store: Pick<TaskStore, 'listWaiting' | 'lastTurnOf'>;
  /**
   * Returns a value that stays equal as long as no other process has written to the database, as far as that can be
   * noticed.
   */
  readonly epoch: () => unknown;
  readonly now: () => Date;
  readonly log: Logger;
}

/** What this process last read of the account. */
interface Seen {
  readonly account: Account;
  readonly isAnyWaiting: boolean;
  readonly readAtMs: number;
  readonly epoch: unknown;
}

/** How old what was read of the account may be when an order is sent. `npm run submissions -- pause` relies on it. */
export const maxAccountAgeMs = 1_000;

const minuteMs = 60_000;

/** How many clients' turns are remembered. */
const maxRemembered = 10_000;

/**
 * Decides whether an order may be sent to the account now: not while the operator has paused it, not faster than the
 * pace, and not while the upstream refuses orders. After a refusal nothing is sent for a while, and then one order at a
 * time, by whichever instance is first, until the upstream takes one; after HTTP 429, until no order waits any more.
 */
export class AccountGate {
  readonly #with: GateDependencies;
  readonly #settings: GateSettings;
  #seen: Seen | null = null;
  /** How many orders of this process have begun to wait. */
  #begunToWait = 0;
  /** Clients whose waiting orders wait for the clients themselves, and hold up no order of others. */
  #heldBack: readonly string[] = [];
  /** The turns given in the last second, by client: orders that arrive together are not written yet. */
  readonly #given = new LRUCache<string, number>({ max: maxRemembered, ttl: maxAccountAgeMs });

  constructor(dependencies: GateDependencies, settings: GateSettings) {
    this.#with = dependencies;
    this.#settings = settings;
  }

  /** The name of the account. */
  get name(): string {
    return this.#settings.account;
  }

  /** Forgets what was read, because another instance has changed the account. */
  forget(): void {
    this.#seen = null;
  }

  /** Notes that an order of this process has begun to wait. */
  noteWaiting(): void {
    this.#begunToWait += 1;
    if (this.#seen) this.#seen = { ...this.#seen, isAnyWaiting: true };
  }

  /** Notes the clients whose orders cannot be sent at present although the account takes orders. */
  noteHeldBack(clients: readonly string[]): void {
    this.#heldBack = clients;
  }

  /** The account as it was at most a second ago. */
  async account(): Promise<Account> {
    return (await this.#read()).account;
  }

  /** The turn of an order of the client that begins to wait now. */
  async nextTurn(client: string): Promise<number> {
    const { lastTurn } = await this.account();
    const lastWritten = await this.#with.store.lastTurnOf(client);
    const turn = 1 + Math.max(lastWritten, lastTurn, this.#given.get(client) ?? 0);
    this.#given.set(client, turn);
    return turn;
  }

  /**
   * When an order is sent at the earliest before which `ahead` others wait, by the end of a refusal and the pace; null
   * where neither says it.
   */
  estimateStart({ pausedAt, blockedUntil }: Account, ahead: number): Date | null {
    const { submitsPerMinute } = this.#settings;
    if (pausedAt !== null) return null;
    const now = this.#with.now();
    const begin = blockedUntil !== null && blockedUntil > now ? blockedUntil : now;
    if (submitsPerMinute !== null) return later(begin, (ahead * minuteMs) / submitsPerMinute);
    return ahead === 0 && blockedUntil !== null ? begin : null;
  }

  /**
   * The permit to send an order now, or why it has to wait. `turn` is that of an order that has waited, and null for a
   * new one. An order that would rather fail than wait is sent although the upstream has refused others.
   */
  async admit(whenBusy: WhenBusy, turn: number | null): Promise<Permit | WaitReason> {
    for (;;) {
      const seen = await this.#read();
      const reason = this.#reasonToWait(seen, whenBusy, turn);
      if (reason !== null) return reason;
      const change = this.#reservation(seen.account, whenBusy, turn);
      const permit = {
        hasWaited: turn !== null,
        wasBlocked: seen.account.blockedBy !== null,
        sendingUntil: change.sendingUntil ?? null,
        countedAtMs: change.recentSends?.at(-1) ?? null,
      };
      if (Object.keys(change).length === 0 || (await this.#write(seen.account, change))) return permit;
    }
  }

  /**
   * Why an order with this permit must not be sent any more, because the account was paused or has refused another order
   * since; null where it may.
   */
  async withdraws({ sendingUntil }: Permit, whenBusy: WhenBusy): Promise<WaitReason | null> {
    const { pausedAt, blockedBy } = await this.account();
    if (pausedAt !== null) return 'PAUSED';
    return whenBusy === 'WAIT' && sendingUntil === null ? blockedBy : null;
  }

  /**
   * Gives a permit back, with the reply to its order, or null where it was not sent. A refusal is heeded at once, before
   * it is written; the next order may be sent only afterwards. It never rejects: what could not be written is forgotten
   * when the permit's time is over.
   */
  async settle(permit: Permit, reply: SubmitReply | null): Promise<void> {
    const changeOf = (account: Account) =>
      reply === null ? withoutUse(account, permit) : afterReply(account, permit, reply, this.#with.now());
    if (this.#seen) {
      const { sendingUntil, ...change } = changeOf(this.#seen.account);
      if (Object.keys(change).length === 0 && permit.sendingUntil === null) return;
      this.#seen = { ...this.#seen, account: { ...this.#seen.account, ...change } };
    }
    try {
      for (;;) {
        const account = await this.#with.accounts.find(this.name);
        const change = changeOf(account);
        if (Object.keys(change).length === 0 || (await this.#write(account, change))) return;
      }
    } catch (err) {
      this.#with.log.warn({ err }, 'what the upstream said about its account could not be recorded');
    }
  }

  /** Ends sending one order at a time after HTTP 429, because no order waits any more. */
  async noteNoneWaiting(): Promise<void> {
    const { account } = await this.#read();
    if (account.blockedBy === 'RATE_LIMITED' && account.refusals === 0 && !this.#isUntil(account.sendingUntil))
      await this.#write(account, unblocked);
  }

  async #read(): Promise<Seen> {
    const epoch = this.#with.epoch();
    const nowMs = performance.now();
    const seen = this.#seen;
    if (seen && nowMs - seen.readAtMs < maxAccountAgeMs && seen.epoch === epoch) return seen;
    const { accounts, store } = this.#with;
    const begun = this.#begunToWait;
    const [found, waiting] = await Promise.all([accounts.find(this.name), store.listWaiting(1, this.#heldBack)]);
    // What was written during the read is newer than what was read.
    const known = this.#seen?.account;
    const account = known && known.version >= found.version ? known : found;
    const isAnyWaiting = waiting.length > 0 || begun !== this.#begunToWait;
    this.#seen = { account, isAnyWaiting, readAtMs: nowMs, epoch };
    return this.#seen;
  }

  async #write(account: Account, change: AccountChange): Promise<boolean> {
    const saved = await this.#with.accounts.update(account, change);
    if (saved && this.#seen) this.#seen = { ...this.#seen, account: saved };
    else this.forget();
    return saved !== null;
  }

  #isUntil(date: Date | null): boolean {
    return date !== null && date > this.#with.now();
  }

  #reasonToWait({ account, isAnyWaiting }: Seen, whenBusy: WhenBusy, turn: number | null): WaitReason | null {
    const { submitsPerMinute } = this.#settings;
    if (account.pausedAt !== null) return 'PAUSED';
    if (submitsPerMinute !== null && this.#recentSends(account).length >= submitsPerMinute) return 'PACE';
    if (whenBusy === 'FAIL') return null;
    if (account.blockedBy !== null && (this.#isUntil(account.blockedUntil) || this.#isUntil(account.sendingUntil)))
      return account.blockedBy;
    return isAnyWaiting && turn === null ? 'EARLIER_ORDERS' : null;
  }

  #recentSends({ recentSends }: Account): readonly number[] {
    const sinceMs = this.#with.now().getTime() - minuteMs;
    return recentSends.filter((sentAtMs) => sentAtMs > sinceMs);
  }

  /** What has to be written before an order is sent. */
  #reservation(account: Account, whenBusy: WhenBusy, turn: number | null): AccountChange {
    const { submitsPerMinute, submitLeaseMs } = this.#settings;
    const now = this.#with.now();
    return {
      ...(account.blockedBy !== null && whenBusy === 'WAIT' && { sendingUntil: later(now, submitLeaseMs) }),
      ...(submitsPerMinute !== null && { recentSends: [...this.#recentSends(account), now.getTime()] }),
      ...(turn !== null && turn > account.lastTurn && { lastTurn: turn }),
    };
  }
}
