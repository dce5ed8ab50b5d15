import type { Logger } from 'pino';
import type { KeyStore } from '../database/key-store.ts';
import type { SpendingLimits } from '../videos/spending.ts';
import { type Caller, callerOf } from './caller.ts';
import { OpenAccessError } from './errors.ts';
import type { JwtSettings } from './jwt.ts';
import { authenticateKey } from './keys.ts';

/** The client that needs no credentials: the owner, on their own machine. */
const localClient = 'local';

/** How long it is believed that there is still no key. */
const recheckMs = 1_000;

/** Whether an address, or a host's name, is this machine's own. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

/** Where callers come in. Each of its ways returns null to whoever must stay outside. */
export interface Door {
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
 * The door is open only to this machine, and only until there is any way to authenticate: from the first key on, on
 * whichever instance it was made, everybody has to say who they are.
 *
 * @throws OpenAccessError when the service is to listen to other machines and nobody could be told apart.
 */
export async function createDoor(
  keys: KeyStore,
  { host, jwt, limits }: Settings,
  log: Logger,
  now: () => Date,
): Promise<Door & { readonly open: boolean }> {
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
