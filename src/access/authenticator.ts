import type { Logger } from 'pino';
import { OperatorError } from '../errors.ts';
import type { SpendingLimits } from '../spending/limits.ts';
import { authenticateKey } from './api-keys.ts';
import { type Caller, callerOf } from './caller.ts';
import type { JwtSettings } from './jwt.ts';
import type { KeyStore } from './key-store.ts';

/** The client of requests without credentials: the owner on their own machine. */
const localClient = 'local';

/** How long the answer that there are no API keys is used before it is asked again. */
const recheckMs = 1_000;

/** Whether an address or host name is a loopback one. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

/** Finds the caller that sends a request. Each method returns null for a request that must be refused. */
export interface Authenticator {
  withoutCredentials(): Promise<Caller | null>;
  withKey(key: string): Promise<Caller | null>;
  /** Authenticates a JWT. Always null where no issuer is configured. */
  withToken(token: string): Promise<Caller | null>;
}

interface Settings {
  /** The address on which the service listens. */
  readonly host: string;
  readonly jwt: JwtSettings | null;
  /** The limits of a client whose credentials name none. */
  readonly limits: SpendingLimits;
}

/**
 * Creates the authenticator. A request without credentials is accepted only from this machine, and only until the first
 * API key exists or an issuer of tokens is configured; then all callers of all instances have to authenticate. `open`
 * says whether such requests are accepted at the start.
 *
 * @throws OpenAccessError when the service would listen on the network without any way to authenticate.
 */
export async function createAuthenticator(
  keys: KeyStore,
  { host, jwt, limits }: Settings,
  log: Logger,
  now: () => Date,
): Promise<Authenticator & { readonly open: boolean }> {
  let closed = jwt !== null || (await keys.exists());
  let checkedAt = performance.now();
  if (!closed && !isLoopback(host)) throw new OpenAccessError(host);
  // Loaded only when tokens are configured, because loading it takes a part of the start's time.
  const readToken = jwt && (await import('./tokens.ts')).createTokenReader(jwt, limits, log, now);
  const local = callerOf(localClient, ['admin'], limits, async () => (await withoutCredentials()) !== null);

  async function withoutCredentials(): Promise<Caller | null> {
    if (!closed && performance.now() - checkedAt >= recheckMs) {
      closed = await keys.exists();
      checkedAt = performance.now();
    }
    return closed ? null : local;
  }

  return {
    open: !closed,
    withoutCredentials,
    withKey: (key) => authenticateKey(keys, key, limits, now()),
    withToken: async (token) => readToken?.(token) ?? null,
  };
}

/** The service would accept orders from every machine that can reach it, so it does not start. */
export class OpenAccessError extends OperatorError {
  override readonly name = 'OpenAccessError';

  constructor(host: string) {
    super(
      `HOST is ${host}, where others could order videos, and there is no way to authenticate: make an API key (npm run keys -- create --name app) or set JWT_JWKS_URL, or let HOST be 127.0.0.1.`,
    );
  }
}
