import type { Logger } from 'pino';
import { OperatorError } from '../errors.ts';
import type { SpendingLimits } from '../spending/usage.ts';
import { authenticateKey } from './api-keys.ts';
import { type Caller, callerOf } from './caller.ts';
import type { JwtSettings } from './jwt.ts';
import type { KeyStore } from './key-store.ts';

/** The client that needs no credentials: the owner, on their own machine. */
const localClient = 'local';

/** How long it is believed that there is still no key. */
const recheckMs = 1_000;

/** Whether an address, or a host's name, is this machine's own. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

/** Says who sends a request. Each method returns null for a request that must be refused. */
export interface Authenticator {
  withoutCredentials(): Promise<Caller | null>;
  withKey(key: string): Promise<Caller | null>;
  /** With a token of the issuer whose tokens are believed, if there is one. */
  withToken(token: string): Promise<Caller | null>;
}

interface Settings {
  /** Where the service listens. */
  readonly host: string;
  readonly jwt: JwtSettings | null;
  /** The limits of a client whose credentials name none. */
  readonly limits: SpendingLimits;
}

/**
 * Without credentials only this machine is let in, and only until there is a way to authenticate: from the first key on,
 * on all instances, each caller has to say who it is.
 *
 * @throws OpenAccessError when the service is to listen to other machines and could tell no caller from another.
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
  // Loaded only where tokens are believed, because that takes a part of a start.
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

/** The service would take orders from all who reach it; it does not start like that. */
export class OpenAccessError extends OperatorError {
  override readonly name = 'OpenAccessError';

  constructor(host: string) {
    super(
      `HOST is ${host}, where others could order videos, and there is no way to authenticate: make an API key (npm run keys -- create --name app) or set JWT_JWKS_URL, or let HOST be 127.0.0.1.`,
    );
  }
}
