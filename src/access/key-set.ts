import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { JwtSettings } from './jwt.ts';

/** The public keys of an issuer of tokens. */
export interface KeySet {
  /** The key with this id, as PEM; the only one where the token names none. Null where there is none. */
  find(kid: string | undefined): Promise<string | null>;
}

/** How long keys are believed without asking again, which is how long a key that was withdrawn still opens. */
const freshMs = 10 * 60_000;

/** How often the issuer is asked at most: tokens with made-up key ids must not have us ask again and again. */
const minReloadMs = 5_000;

/** How long the issuer is waited for. */
const timeoutMs = 5_000;

const jwks = z.object({ keys: z.array(z.looseObject({ kid: z.string().optional(), use: z.string().optional() })) });

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
    const found = jwks.parse(await read()).keys.filter(({ use }) => use === undefined || use === 'sig');
    keys = new Map(found.map((key) => [key.kid, toPem(key as JsonWebKey)]));
    loadedAt = performance.now();
  }

  function loadAtMost(): Promise<void> {
    if (performance.now() - askedAt >= minReloadMs) {
      askedAt = performance.now();
      // Who asks for a key that is known already is served with it.
      loading = load().catch(() => {});
    }
    return loading;
  }

  const known = (kid: string | undefined): string | undefined =>
    kid === undefined && keys.size === 1 ? [...keys.values()][0] : keys.get(kid);

  return {
    async find(kid) {
      const fresh = performance.now() - loadedAt < freshMs;
      if (!fresh || known(kid) === undefined) await loadAtMost();
      return known(kid) ?? null;
    },
  };
}

const toPem = (key: JsonWebKey): string =>
  createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
