/**
 * The family of errors that callers are told about. Each class names its code; `errorCodes` in the GraphQL contract
 * says what each code means. Nothing was paid when an error is thrown, unless its class says otherwise.
 */
export abstract class ServiceError extends Error {
  abstract readonly code: ServiceErrorCode;
  readonly #details: Details;

  constructor(message: string, details: Details = {}, options?: ErrorOptions) {
    super(message, options);
    this.#details = details;
  }

  /** Facts beside the code. They are copied into `extensions` of the GraphQL error. */
  get details(): Details {
    return this.#details;
  }
}

type Details = Readonly<Record<string, unknown>>;

/** The codes of this family. The GraphQL contract adds the codes of its libraries. */
export type ServiceErrorCode =
  | 'ANSWER_NOT_SAVED'
  | 'BAD_REQUEST'
  | 'DATABASE_UNAVAILABLE'
  | 'FORBIDDEN'
  | 'IDEMPOTENCY_KEY_MISMATCH'
  | 'LIMIT_EXCEEDED'
  | 'NOT_CONFIGURED'
  | 'NOT_FOUND'
  | 'QUOTA_EXCEEDED'
  | 'RATE_LIMITED'
  | 'SERVICE_STOPPING'
  | 'STORAGE_UNAVAILABLE'
  | 'TASK_STATE_CONFLICT'
  | 'UNAUTHENTICATED'
  | 'UPLOAD_STATE_CONFLICT';

/**
 * An error that the operator has to correct before the service can start. The message says everything needed, so no
 * stack is shown.
 */
export abstract class OperatorError extends Error {}

/** No task has this id, or the caller may not see it. */
export class TaskNotFoundError extends ServiceError {
  override readonly name = 'TaskNotFoundError';
  override readonly code = 'NOT_FOUND';

  constructor(taskId: string) {
    super(`There is no video task with the id ${JSON.stringify(taskId)}.`);
  }
}

/** The service is shutting down and takes no more orders. Nothing was ordered. */
export class ServiceStoppingError extends ServiceError {
  override readonly name = 'ServiceStoppingError';
  override readonly code = 'SERVICE_STOPPING';

  constructor() {
    super('The service is stopping and takes no more orders; nothing was ordered. Send the order again.');
  }
}

/** The idempotency key already stands for another order. Nothing was ordered and nothing changed. */
export class IdempotencyKeyMismatchError extends ServiceError {
  override readonly name = 'IdempotencyKeyMismatchError';
  override readonly code = 'IDEMPOTENCY_KEY_MISMATCH';

  /** `taskId` is the task of the order that the key stands for. */
  constructor(taskId: string) {
    super(
      `This idempotency key stands for another order, the task ${taskId}; nothing was ordered. Look at that task first, because it may be the video that you want. Use a new key only for a new order.`,
      { taskId },
    );
  }
}

/** The state of the task does not allow what was asked. Nothing was changed. */
export class TaskStateError extends ServiceError {
  override readonly name = 'TaskStateError';
  override readonly code = 'TASK_STATE_CONFLICT';
}

/**
 * The database did not carry out a statement and may do so later. A statement that is itself wrong is another error.
 */
export class DatabaseUnavailableError extends ServiceError {
  override readonly name = 'DatabaseUnavailableError';
  override readonly code = 'DATABASE_UNAVAILABLE';

  /** `outcome` says what did or did not happen to the request, where that is known. */
  constructor(cause: unknown, outcome?: string) {
    super(`The database does not answer at the moment${outcome ? `; ${outcome}` : ''}. Try again.`, {}, { cause });
  }
}

/**
 * The order was sent and may have been paid, but its answer could not be saved yet. The service goes on trying to save
 * it.
 */
export class AnswerNotSavedError extends ServiceError {
  override readonly name = 'AnswerNotSavedError';
  override readonly code = 'ANSWER_NOT_SAVED';

  constructor(taskId: string) {
    super(
      `The order ${taskId} was sent, but the database does not take the answer at the moment. It will be saved as soon as possible: look the task up by its id, and do not order again.`,
      { taskId },
    );
  }
}

/** The client has reached its limit of orders for this minute. Nothing was ordered. */
export class RateLimitedError extends ServiceError {
  override readonly name = 'RateLimitedError';
  override readonly code = 'RATE_LIMITED';

  constructor(limit: number, retryAfterSeconds: number) {
    super(
      `At most ${limit} orders a minute are allowed; nothing was ordered. Try again in ${retryAfterSeconds} seconds.`,
      { retryAfterSeconds },
    );
  }
}

/** The order exceeds what is left of the client's daily budget. Nothing was ordered. */
export class QuotaExceededError extends ServiceError {
  override readonly name = 'QuotaExceededError';
  override readonly code = 'QUOTA_EXCEEDED';

  /** `retryAfterSeconds` is null when the order exceeds even the budget of a whole day. */
  constructor(unit: string, used: number, limit: number, retryAfterSeconds: number | null) {
    const when = retryAfterSeconds === null ? 'It never fits' : `The next day begins in ${retryAfterSeconds} seconds`;
    super(
      `The order exceeds the day's budget of ${limit} ${unit}, of which ${used} are used; nothing was ordered. ${when}.`,
      { retryAfterSeconds, retryable: retryAfterSeconds !== null },
    );
  }
}

/**
 * The request carries no valid credentials. The message is the same for all reasons, so that it tells an attacker
 * nothing.
 */
export class UnauthenticatedError extends ServiceError {
  override readonly name = 'UnauthenticatedError';
  override readonly code = 'UNAUTHENTICATED';

  constructor() {
    const http = { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } };
    super('Send a valid API key or token: Authorization: Bearer ….', { http });
  }
}

/** The caller is known, but its credentials lack the scope or the right to do this. */
export class ForbiddenError extends ServiceError {
  override readonly name = 'ForbiddenError';
  override readonly code = 'FORBIDDEN';

  /** `httpStatus` is set when the whole request is refused; null when only one field is. */
  constructor(message: string, httpStatus: number | null = null) {
    super(message, httpStatus === null ? {} : { http: { status: httpStatus } });
  }
}

/** The request exceeds a limit of the service. Nothing was done. */
export class LimitExceededError extends ServiceError {
  override readonly name = 'LimitExceededError';
  override readonly code = 'LIMIT_EXCEEDED';

  /**
   * `limit` is the limit's name, in most cases that of a setting. `httpStatus` is the status of the whole answer; null
   * when only part of the request is refused.
   */
  constructor(what: string, limit: string, max: number, httpStatus: number | null = 400) {
    // `spec` follows GraphQL over HTTP: a refused document is answered with 400, or with 200 to clients that accept
    // only application/json.
    const http = { status: httpStatus, spec: httpStatus === 400 };
    super(`${what}; the limit (${limit}) is ${max}.`, { limit, max, ...(httpStatus !== null && { http }) });
  }
}

/** An uploaded image is in a state in which it cannot be used or received. Nothing was ordered and nothing changed. */
export class UploadStateError extends ServiceError {
  override readonly name = 'UploadStateError';
  override readonly code = 'UPLOAD_STATE_CONFLICT';
}

/** What was sent is not the image that its upload was created for. Nothing is kept of it. */
export class ImageRefusedError extends ServiceError {
  override readonly name = 'ImageRefusedError';
  override readonly code = 'BAD_REQUEST';

  constructor(message: string, httpStatus: number) {
    super(message, { http: { status: httpStatus } });
  }
}

/** The operator has not set what the request takes; the message names the setting. Nothing was done. */
export class NotConfiguredError extends ServiceError {
  override readonly name = 'NotConfiguredError';
  override readonly code = 'NOT_CONFIGURED';
}

/** The file store does not do its part at the moment and may do so later. Nothing was ordered. */
export class StorageUnavailableError extends ServiceError {
  override readonly name = 'StorageUnavailableError';
  override readonly code = 'STORAGE_UNAVAILABLE';

  constructor(cause: unknown) {
    super('The file store cannot be used at the moment; nothing was done. Try again.', {}, { cause });
  }
}
