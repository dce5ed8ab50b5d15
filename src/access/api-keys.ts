import { createHash, randomBytes } from 'node:crypto';
import type { SpendingLimits } from '../spending/limits.ts';
import { type Caller, callerOf, isScope, type Scope } from './caller.ts';
import type { ApiKey, KeyStore } from './key-store.ts';

/** What a new key allows. A limit that is left out is the service's default. */
export interface KeyGrant {
  readonly client: string;
  readonly scopes: readonly Scope[];
  readonly limits: Partial<SpendingLimits>;
}

/**
 * The prefix `gvk_` lets people and secret scanners recognise a key. The part up to the next `_` is its id, which may
 * be shown.
 */
const keyForm = /^gvk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/;

/** The id at the beginning of a key. The text may be a whole key or only its id. */
export const idOf = (text: string): string => text.slice(0, 'gvk_'.length + 12);

/** Whether a bearer token is an API key, and not a JWT. */
export const isKey = (token: string): boolean => token.startsWith('gvk_');

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

/** Creates a key. This is the only time that the key itself is available, because only its hash is stored. */
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
    maxOpen: grant.limits.maxOpen ?? null,
    createdAt: now,
  });
  return { id, key };
}

/** The precision of `lastUsedAt`. A finer one would cost a write for each request. */
const lastUsedStepMs = 60_000;

/**
 * The caller that a key authenticates; null where there is no such key or it was revoked. `defaults` are the limits
 * that the key does not name.
 */
export async function authenticateKey(
  store: KeyStore,
  key: string,
  defaults: SpendingLimits,
  now: Date,
): Promise<Caller | null> {
  const hash = hashOf(key);
  const found = keyForm.test(key) ? await store.findByHash(hash) : null;
  if (!found || found.revokedAt) return null;
  // Not awaited, and its failure is ignored, because no request should fail because of `lastUsedAt`.
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
    maxOpen: key.maxOpen ?? defaults.maxOpen,
  };
}
