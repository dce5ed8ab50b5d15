/** No task has this id, or it is not for the caller to see. */
export class TaskNotFoundError extends Error {
  override readonly name = 'TaskNotFoundError';

  readonly taskId: string;

  constructor(taskId: string) {
    super(`There is no video task with the id ${JSON.stringify(taskId)}.`);
    this.taskId = taskId;
  }
}

/** The service is shutting down and takes no more orders. Nothing was ordered. */
export class ServiceStoppingError extends Error {
  override readonly name = 'ServiceStoppingError';

  constructor() {
    super('The service is stopping and takes no more orders; nothing was ordered. Send the order again.');
  }
}

/** The idempotency key already stands for another order. Nothing was ordered and nothing changed. */
export class IdempotencyKeyMismatchError extends Error {
  override readonly name = 'IdempotencyKeyMismatchError';
  /** The task of the order that the key stands for. */
  readonly taskId: string;

  constructor(taskId: string) {
    super(
      `This idempotency key stands for another order, the task ${taskId}; nothing was ordered. Look at that task first, because it may be the video that you want. Use a new key only for a new order.`,
    );
    this.taskId = taskId;
  }
}

/** The task is in a state in which it cannot be done what was asked. Nothing was done. */
export class TaskStateError extends Error {
  override readonly name = 'TaskStateError';
}

/** The order has more than a row keeps. Nothing was ordered. */
export class OrderTooLargeError extends Error {
  override readonly name = 'OrderTooLargeError';
  /** The name of the limit. */
  readonly limit: string;
  readonly max: number;

  constructor(what: string, limit: string, max: number) {
    super(`${what} take more than is kept of them; the limit (${limit}) is ${max}. Nothing was ordered.`);
    this.limit = limit;
    this.max = max;
  }
}

/** The database did not do what it was asked; it may work again at any time. Not: a mistake in what was asked. */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError';

  /** `outcome` says what is known to have come of the request. */
  constructor(cause: unknown, outcome?: string) {
    super(`The database does not answer at the moment${outcome ? `; ${outcome}` : ''}. Try again.`, { cause });
  }
}

/** The upstream has answered an order, but the answer could not be saved yet. The service goes on trying. */
export class AnswerNotSavedError extends Error {
  override readonly name = 'AnswerNotSavedError';
  readonly taskId: string;

  constructor(taskId: string) {
    super(
      `The order ${taskId} was sent, but the database does not take the answer at the moment. It will be saved as soon as possible: look the task up by its id, and do not order again.`,
    );
    this.taskId = taskId;
  }
}

/** The client has sent as many orders in this minute as it may. Nothing was ordered. */
export class RateLimitedError extends Error {
  override readonly name = 'RateLimitedError';
  readonly retryAfterSeconds: number;

  constructor(limit: number, retryAfterSeconds: number) {
    super(
      `At most ${limit} orders a minute are allowed; nothing was ordered. Try again in ${retryAfterSeconds} seconds.`,
    );
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The order does not fit into what is left of the client's budget of the day. Nothing was ordered. */
export class QuotaExceededError extends Error {
  override readonly name = 'QuotaExceededError';
  /** Null where no day's budget is enough for the order. */
  readonly retryAfterSeconds: number | null;

  constructor(unit: string, used: number, limit: number, retryAfterSeconds: number | null) {
    const when = retryAfterSeconds === null ? 'It never fits' : `The next day begins in ${retryAfterSeconds} seconds`;
    super(
      `The order exceeds the day's budget of ${limit} ${unit}, of which ${used} are used; nothing was ordered. ${when}.`,
    );
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
