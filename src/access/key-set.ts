import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { JwtSettings } from './jwt.ts';

/** How long keys are believed without asking again, and how long where the issuer does not answer. */
const freshMs = 10 * 60_000;
const usableMs = 60 * 60_000;

/** How often the issuer is asked at most, because tokens with made-up key ids must not have us ask again and again. */
const minReloadMs = 5_000;

/** How long the issuer is waited for, its answer's last byte included. */
const timeoutMs = 5_000;

/** More than any issuer publishes; an answer beyond it is not read to its end. */
const maxBytes = 256 * 1024;
const maxKeys = 500;

/** What the log says of a fault at most. */
const maxLoggedLength = 200;

/** A public key that can sign for one of our algorithms: of what else the issuer says, nothing is kept. */
const publicKey = z.object({
  kty: z.enum(['RSA', 'EC']),
  kid: z.string().exactOptional(),
  use: z.literal('sig').exactOptional(),
  alg: z.string().exactOptional(),
  key_ops: z.array(z.string()).exactOptional(),
  n: z.string().exactOptional(),
  e: z.string().exactOptional(),
  crv: z.string().exactOptional(),
  x: z.string().exactOptional(),
  y: z.string().exactOptional(),
  // With a key whose private part is public, anyone can sign.
  d: z.never().exactOptional(),
});

const published = z.object({ keys: z.array(z.unknown()).max(maxKeys) });

/** The usable keys of an issuer. Others are left out, because they are no reason not to use these. */
function keysIn(text: string) {
  const keys = published.parse(JSON.parse(text)).keys.flatMap((key) => publicKey.safeParse(key).data ?? []);
  // Of keys that a token cannot tell apart the last one counts.
  return [...new Map(keys.map((key) => [JSON.stringify([key.kid, key.kty, key.alg]), key])).values()];
}

/**
 * Reads an issuer's keys when they are first needed, and again when they are old or a key is unknown. The last good
 * ones stay in use while the issuer does not answer. Not by jose's createRemoteJWKSet, because that asks for each
 * made-up key id while the issuer does not answer, has a known key wait for the issuer once it is old, and reads answers of any size.
 */
export function createKeySet(
  { jwksUrl, jwksFile }: Pick<JwtSettings, 'jwksUrl' | 'jwksFile'>,
  log: Logger,
): JWTVerifyGetKey {
  const none = { count: 0, find: createLocalJWKSet({ keys: [] }) };
  let known = none;
  let loadedAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> = Promise.resolve();

  async function load(): Promise<void> {
    const text = jwksFile === null ? await download(jwksUrl ?? '') : await readFile(jwksFile, 'utf8');
    const keys = keysIn(text);
    known = { count: keys.length, find: createLocalJWKSet({ keys }) };
    loadedAt = performance.now();
  }

  function loadAtMost(): Promise<void> {
    if (performance.now() - askedAt >= minReloadMs) {
      askedAt = performance.now();
      loading = load().catch((error: unknown) =>
        log.warn({ reason: String(error).slice(0, maxLoggedLength) }, 'the keys of tokens could not be read'),
      );
    }
    return loading;
  }

  return async (header, token) => {
    const ageMs = performance.now() - loadedAt;
    if (ageMs >= usableMs) known = none;
    const find = async () => {
      // A token that names no key means the only one.
      if (header.kid === undefined && known.count > 1) throw new Error('The token names none of several keys.');
      return known.find(header, token);
    };
    const key = await find().catch(() => null);
    if (key !== null && ageMs < freshMs) return key;
    const loaded = loadAtMost();
    // A key that is known is used at once, because the issuer may not answer.
    if (key !== null) return key;
    await loaded;
    return find();
  };
}

/** What the issuer answers, in bounded time, and as far as it is not too much. */
async function download(url: string): Promise<string> {
  const ending = new AbortController();
  const late = Promise.withResolvers<never>();
  // Raced by a timer of our own, because fetch at times forgets its signal (nodejs/undici#4068).
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([read(url, ending.signal), late.promise]);
  } finally {
    clearTimeout(timer);
    ending.abort();
  }
}

async function read(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal, redirect: 'error' });
  if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}`);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
