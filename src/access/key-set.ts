import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { JwtSettings } from './jwt.ts';

/**
 * How long keys are used before the issuer is asked again, and how long they are used at most while it does not answer.
 */
const freshMs = 10 * 60_000;
const usableMs = 60 * 60_000;

/**
 * The shortest pause between two requests to the issuer. Without it, tokens with made-up key ids could cause a request
 * each.
 */
const minReloadMs = 5_000;

/** How long a request to the issuer may take, including its whole answer. */
const timeoutMs = 5_000;

/** Bounds for the issuer's answer. A longer one is not read to its end. */
const maxBytes = 256 * 1024;
const maxKeys = 500;

/** How many characters of a failure's reason are logged. */
const maxLoggedLength = 200;

/** A public key for one of the accepted algorithms. Other fields are dropped. */
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
  // A key whose private part is published is refused, because every reader of it could sign tokens.
  d: z.never().exactOptional(),
});

const published = z.object({ keys: z.array(z.unknown()).max(maxKeys) });

/**
 * The usable keys of an issuer's answer. Unusable keys are skipped, so that they do not keep the others from being
 * used.
 */
function keysIn(text: string) {
  const keys = published.parse(JSON.parse(text)).keys.flatMap((key) => publicKey.safeParse(key).data ?? []);
  // When a token cannot tell several keys apart, the last of them is used.
  return [...new Map(keys.map((key) => [JSON.stringify([key.kid, key.kty, key.alg]), key])).values()];
}

/**
 * Creates a function that finds the key of a token. It loads the issuer's keys when they are first needed, and again
 * when they are old or a token names an unknown key. The last good keys stay in use while the issuer does not answer.
 *
 * jose's createRemoteJWKSet is not used: while the issuer does not answer it asks again for every made-up key id, it
 * makes tokens with a known but old key wait for the issuer, and it reads answers of any size.
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
      // A token without a key id is accepted only if there is exactly one key.
      if (header.kid === undefined && known.count > 1) throw new Error('The token names none of several keys.');
      return known.find(header, token);
    };
    const key = await find().catch(() => null);
    if (key !== null && ageMs < freshMs) return key;
    const loaded = loadAtMost();
    // A known key is used without waiting, because the issuer may not answer.
    if (key !== null) return key;
    await loaded;
    return find();
  };
}

/** Downloads the issuer's answer, bounded in time and size. */
async function download(url: string): Promise<string> {
  const ending = new AbortController();
  const late = Promise.withResolvers<never>();
  // Raced against a timer, because fetch sometimes ignores its signal (nodejs/undici#4068).
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
