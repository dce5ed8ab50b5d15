import { readFile } from 'node:fs/promises';
import { createRemoteJwksSigningKeyProvider, useJWT } from '@graphql-yoga/plugin-jwt';
import type { Plugin } from 'graphql-yoga';
import type { Caller } from '../access/caller.ts';
import { type Door, isLoopback } from '../access/door.ts';
import { ForbiddenError, UnauthenticatedError } from '../access/errors.ts';
import type { JwtSettings } from '../access/jwt.ts';
import { isKey } from '../access/keys.ts';

/** A request of whose body nothing has been read. */
type Incoming = Parameters<NonNullable<Plugin['onRequestParse']>>[0];

/** Puts the caller into the context, or refuses the request before its body is read. */
export function useAuthentication(door: Door, corsOrigins: readonly string[]): Plugin {
  const jwt: Plugin = door.jwt ? createJwtPlugin(door.jwt) : {};

  async function findCaller(incoming: Incoming): Promise<Caller | null> {
    const authorization = incoming.request.headers.get('authorization');
    if (authorization === null) return withoutCredentials(door, corsOrigins, incoming);
    const [, token = ''] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
    if (isKey(token)) return door.withKey(token);
    // Whatever is wrong with a token looks the same from outside; the log has the reason.
    await Promise.resolve(jwt.onRequestParse?.(incoming)).catch(() => {});
    const verified = incoming.serverContext as { jwt?: { payload: Record<string, unknown> } };
    return verified.jwt ? door.withClaims(verified.jwt.payload) : null;
  }

  return {
    onYogaInit: (payload) => jwt.onYogaInit?.(payload),
    async onRequestParse(incoming) {
      const client = await findCaller(incoming);
      if (!client) throw new UnauthenticatedError();
      Object.assign(incoming.serverContext, { client });
    },
  };
}

/** What a proxy adds, which lets others in from this machine's own address. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

async function withoutCredentials(
  door: Door,
  corsOrigins: readonly string[],
  { request: { headers }, url }: Incoming,
): Promise<Caller | null> {
  const caller = await door.withoutCredentials();
  if (!caller) return null;
  // A web page may have its own name lead to this machine, and then speak to us as if to itself.
  const origin = headers.get('origin');
  const ownPage = origin === null || corsOrigins.includes(origin) || isLoopback(URL.parse(origin)?.hostname ?? '');
  const direct = isLoopback(url.hostname) && !proxyHeaders.some((name) => headers.has(name));
  if (ownPage && direct) return caller;
  throw new ForbiddenError('Without an API key the service answers only to this machine, asked as localhost.');
}

/** How long the issuer's keys are waited for. */
const jwksTimeoutMs = 5_000;

function createJwtPlugin({ jwksUrl, jwksFile, issuer, audience, algorithms }: JwtSettings): Plugin {
  const readKeys = async (path: string) => JSON.parse(await readFile(path, 'utf8')).keys;
  const signingKeys = createRemoteJwksSigningKeyProvider({
    jwksUri: jwksUrl ?? '',
    ...(jwksFile !== null && { getKeysInterceptor: () => readKeys(jwksFile) }),
    timeout: jwksTimeoutMs,
    // Tokens with made-up key ids must not have us ask the issuer again and again.
    rateLimit: true,
    jwksRequestsPerMinute: 10,
  });
  return useJWT({
    signingKeyProviders: [signingKeys],
    tokenVerification: { issuer, audience, algorithms: [...algorithms] },
    reject: { missingToken: true, invalidToken: true },
  }) as Plugin;
}
