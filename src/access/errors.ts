/** The request says not, or not believably, whose it is. All reasons look the same from outside. */
export class UnauthenticatedError extends Error {
  override readonly name = 'UnauthenticatedError';

  constructor() {
    super('Send a valid API key or token: Authorization: Bearer ….');
  }
}

/** The client is known, but its credentials do not reach so far. */
export class ForbiddenError extends Error {
  override readonly name = 'ForbiddenError';
  /** Where the whole request is refused. */
  readonly httpStatus: number | null;

  constructor(message: string, httpStatus: number | null = null) {
    super(message);
    this.httpStatus = httpStatus;
  }
}

/** The request is larger, deeper or more than the service takes on. Nothing was done. */
export class LimitExceededError extends Error {
  override readonly name = 'LimitExceededError';
  /** The setting that holds the limit. */
  readonly limit: string;
  readonly max: number;
  readonly httpStatus: number;

  constructor(what: string, limit: string, max: number, httpStatus = 400) {
    super(`${what}; the limit (${limit}) is ${max}.`);
    this.limit = limit;
    this.max = max;
    this.httpStatus = httpStatus;
  }
}

/** The service would be open to everybody who reaches it; it does not start like that. */
export class OpenAccessError extends Error {
  override readonly name = 'OpenAccessError';

  constructor(host: string) {
    super(
      `HOST is ${host}, where others could order videos, and there is no way to authenticate: make an API key (npm run keys -- create --name app) or set JWT_JWKS_URL, or let HOST be 127.0.0.1.`,
    );
  }
}
