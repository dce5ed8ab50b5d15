import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { JwtSettings } from './jwt.ts';

/** The public keys of an issuer of tokens. */
export interface KeySet {
  /** The key with this id, as PEM; the only one where the token names none. Null where there is none. */
  find(kid: string | undefined): Promise<string | null>;
}

/** How long keys are believed without asking again, and how long where the issuer does not answer. */
const freshMs = 10 * 60_000;
const usableMs = 60 * 60_000;

/** How often the issuer is asked at most: tokens with made-up key ids must not have us ask again and again. */
const minReloadMs = 5_000;

/** How long the issuer is waited for. */
const timeoutMs = 5_000;

const jwks = z.object({ keys: z.array(z.unknown()) });
const signingKey = z.looseObject({ kid: z.string().optional(), use: z.literal('sig').optional() });

/**
 * Reads an issuer's keys when they are first needed, and again when they are old or a key is unknown. The last good
 * ones stay in use while the issuer does not answer. By hand, because jwks-rsa lets unknown key ids use up the
 * requests that known ones need.
 */
export function createKeySet({ jwksUrl, jwksFile }: Pick<JwtSettings, 'jwksUrl' | 'jwksFile'>): KeySet {
  let keys = new Map<string | undefined, string>();
  let loadedAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> = Promise.resolve();

  async function read(): Promise<unknown> {
    if (jwksFile !== null) return JSON.parse(await readFile(jwksFile, 'utf8'));
    const response = await fetch(jwksUrl ?? '', { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return response.json();
  }

  async function load(): Promise<void> {
    keys = new Map(jwks.parse(await read()).keys.flatMap(usable));
    loadedAt = performance.now();
  }

  function loadAtMost(): Promise<void> {
    if (performance.now() - askedAt >= minReloadMs) {
      askedAt = performance.now();
      loading = load().catch(() => {});
    }
    return loading;
  }

  const known = (kid: string | undefined): string | undefined =>
    kid === undefined && keys.size === 1 ? [...keys.values()][0] : keys.get(kid);

  return {
    async find(kid) {
      const ageMs = performance.now() - loadedAt;
      if (ageMs >= usableMs) keys.clear();
      const fresh = ageMs < freshMs;
      const loaded = fresh && known(kid) !== undefined ? null : loadAtMost();
      // Who brings a key that is known does not wait for an issuer that may not answer.
      if (known(kid) === undefined) await loaded;
      return known(kid) ?? null;
    },
  };
}

/** The key by its id, as PEM; nothing for one that nobody here can use: it is none of the others' business. */
function usable(jwk: unknown): [string | undefined, string][] {
  const { success, data } = signingKey.safeParse(jwk);
  if (!success) return [];
  try {
    const key = createPublicKey({ key: data as JsonWebKey, format: 'jwk' });
    return [[data.kid, key.export({ type: 'spki', format: 'pem' }).toString()]];
  } catch {
    return [];
  }
}
