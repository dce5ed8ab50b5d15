import type { Database } from './database/database.ts';
import { DatabaseUnavailableError } from './errors.ts';
import type { FileStore } from './files/file-store.ts';
import type { Check } from './server/plugins/readiness.ts';
import { type FailureCode, failureOfSubmit } from './tasks/failures.ts';
import type { TaskStore } from './tasks/task-store.ts';
import type { CheckReply, SubmitReply, Upstream } from './tasks/upstream.ts';
import type { Tracker } from './tracking/tracker.ts';

/** From which lag of the oldest due check on `/ready` reports it. */
const maxLagSeconds = 60;

/** What `/ready` says about failures that concern the account or the connection, not a single order. */
const upstreamProblems: Partial<Record<FailureCode, string>> = {
  UPSTREAM_ACCESS_DENIED: 'refused the API key: correct GROK_API_KEY',
  UPSTREAM_PAYMENT_REQUIRED: 'is out of credit: top the account up',
  UPSTREAM_RATE_LIMITED: 'takes no more requests for the moment',
  UPSTREAM_UNREACHABLE: 'could not be reached',
  SUBMISSION_UNCONFIRMED: 'gave no usable answer',
};

/**
 * Remembers whether the last database write worked, and how the upstream answered the last submit and the last check.
 * `/ready` reports both.
 */
export class Health {
  #failedWriteAt: Date | null = null;
  readonly #upstream: Record<'submit' | 'check', string | null> = { submit: null, check: null };
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Returns the same methods; the outcome of those named in `writing` is remembered. */
  watchWrites<Methods extends object>(methods: Methods, ...writing: (keyof Methods)[]): Methods {
    const watched = writing.map((name) => {
      const write = methods[name] as (...parameters: unknown[]) => Promise<unknown>;
      return [name, (...parameters: unknown[]) => this.#noteWrite(write(...parameters))];
    });
    return { ...methods, ...Object.fromEntries(watched) };
  }

  /** Returns the same upstream client; its answers are remembered. */
  watchUpstream(upstream: Upstream): Upstream {
    const noted = (of: 'submit' | 'check') => (reply: SubmitReply | CheckReply) => {
      this.#upstream[of] = this.#problemIn(of, reply);
    };
    const note = <Reply extends SubmitReply | CheckReply>(of: 'submit' | 'check', replied: Promise<Reply>) => {
      replied.then(noted(of), () => {});
      return replied;
    };
    return {
      ...upstream,
      submit: (...parameters) => note('submit', upstream.submit(...parameters)),
      check: (...parameters) => note('check', upstream.check(...parameters)),
    };
  }

  /** Why the last write failed, for an operator; null where it worked. */
  writeProblem(): string | null {
    return this.#failedWriteAt && `The database refused the last write, at ${this.#failedWriteAt.toISOString()}.`;
  }

  upstreamProblem(): string | null {
    return this.#upstream.submit ?? this.#upstream.check;
  }

  async #noteWrite<Result>(writing: Promise<Result>): Promise<Result> {
    try {
      const result = await writing;
      this.#failedWriteAt = null;
      return result;
    } catch (error) {
      if (error instanceof DatabaseUnavailableError) this.#failedWriteAt = this.#now();
      throw error;
    }
  }

  #problemIn(of: 'submit' | 'check', reply: SubmitReply | CheckReply): string | null {
    if (reply.kind === 'ACCEPTED' || reply.kind === 'OBSERVED') return null;
    // A check that is refused with 402 or 403 concerns one task, so it says nothing about the account.
    if (of === 'check' && reply.kind === 'REFUSED' && reply.httpStatus !== 401) return null;
    const what = upstreamProblems[failureOfSubmit(reply)];
    return what ? `The upstream ${what} (the last ${of}, at ${this.#now().toISOString()}).` : null;
  }
}

interface Parts {
  readonly database: Pick<Database, 'problem' | 'migrationProblem' | 'readOnlyProblem' | 'fileProblem'>;
  readonly store: Pick<TaskStore, 'oldestDue'>;
  readonly tracker: Pick<Tracker, 'problem'>;
  /** Null where no files are kept. */
  readonly files: Pick<FileStore, 'problem'> | null;
  readonly health: Health;
  readonly now: () => Date;
}

/** The parts of `/ready`, in the order in which they are shown. */
export function readinessChecks({ database, store, tracker, files, health, now }: Parts): Record<string, Check> {
  return {
    database: {
      vital: true,
      async ask() {
        const unanswered = await database.problem();
        if (unanswered !== null) return { problem: unanswered, unready: true };
        return { problem: database.fileProblem() ?? (await database.readOnlyProblem()) ?? health.writeProblem() };
      },
    },
    migrations: {
      vital: true,
      async ask() {
        const problem = await database.migrationProblem();
        return { problem, unready: problem !== null };
      },
    },
    upstream: { vital: false, ask: () => ({ problem: health.upstreamProblem() }) },
    ...(files && { files: { vital: false, ask: async () => ({ problem: await files.problem() }) } }),
    tracker: {
      vital: false,
      async ask() {
        const oldest = await store.oldestDue(now()).catch(() => null);
        const lagSeconds = oldest ? Math.max(0, Math.floor((now().getTime() - oldest.getTime()) / 1_000)) : 0;
        const late = lagSeconds > maxLagSeconds ? `The oldest check that is due is ${lagSeconds} seconds late.` : null;
        return { problem: tracker.problem() ?? late, numbers: { trackerLagSeconds: lagSeconds } };
      },
    },
  };
}
