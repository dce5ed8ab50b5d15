import { createHash, randomBytes } from 'node:crypto';
import type { SpendingLimits } from '../spending/usage.ts';
import { type Caller, callerOf, isScope, type Scope } from './caller.ts';
import type { ApiKey, KeyStore } from './key-store.ts';

/** What a key is given when it is made. A limit that is left out is the service's default. */
export interface KeyGrant {
  readonly client: string;
  readonly scopes: readonly Scope[];
  readonly limits: Partial<SpendingLimits>;
}

/** `gvk_` says what it is, wherever somebody finds it; what follows up to the next `_` may be shown. */
const keyForm = /^gvk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/;

/** The part of a key that may be shown, however much of it was given. */
export const idOf = (text: string): string => text.slice(0, 'gvk_'.length + 12);

/** Whether a bearer token is one of our keys, and not a JWT. */
export const isKey = (token: string): boolean => token.startsWith('gvk_');

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

/** Makes a key. It is returned only now: what is kept is its hash. */
export async function createKey(store: KeyStore, grant: KeyGrant, now: Date): Promise<{ id: string; key: string }> {
  const id = `gvk_${randomBytes(6).toString('hex')}`;
  const key = `${id}_${randomBytes(32).toString('base64url')}`;
  await store.create({
    id,
    hash: hashOf(key),
    client: grant.client,
    scopes: grant.scopes.join(' '),
    submitsPerMinute: grant.limits.submitsPerMinute ?? null,
    secondsPerDay: grant.limits.secondsPerDay ?? null,
    callsPerDay: grant.limits.callsPerDay ?? null,
    createdAt: now,
  });
  return { id, key };
}

/** How exactly it is kept when a key was last used: more would be a write for each request. */
const lastUsedStepMs = 60_000;

/** Whose key it is; null where it is nobody's, or no longer. */
export async function authenticateKey(
  store: KeyStore,
  key: string,
  defaults: SpendingLimits,
  now: Date,
): Promise<Caller | null> {
  const hash = hashOf(key);
  const found = keyForm.test(key) ? await store.findByHash(hash) : null;
  if (!found || found.revokedAt) return null;
  // Nobody waits for it, and that it could not be noted keeps nobody out.
  if (now.getTime() - (found.lastUsedAt?.getTime() ?? 0) > lastUsedStepMs) store.use(found, now).catch(() => {});
  return callerOf(found.client, found.scopes.split(' ').filter(isScope), limitsOf(found, defaults), async () => {
    const current = await store.findByHash(hash);
    return current !== null && current.revokedAt === null;
  });
}

function limitsOf(key: ApiKey, defaults: SpendingLimits): SpendingLimits {
  return {
    submitsPerMinute: key.submitsPerMinute ?? defaults.submitsPerMinute,
    secondsPerDay: key.secondsPerDay ?? defaults.secondsPerDay,
    callsPerDay: key.callsPerDay ?? defaults.callsPerDay,
  };
}
