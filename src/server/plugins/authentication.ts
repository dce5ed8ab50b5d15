import type { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { isKey } from '../../access/api-keys.ts';
import { type Authenticator, isLoopback } from '../../access/authenticator.ts';
import type { Caller } from '../../access/caller.ts';
import { ForbiddenError, UnauthenticatedError } from '../../errors.ts';
import type { CallerContext } from '../../graphql/builder.ts';
import { publicError } from '../../graphql/public-error.ts';

/** A request whose body has not been read. */
type Incoming = Parameters<NonNullable<Plugin['onRequestParse']>>[0];

/** Adds the caller to the context, or refuses the request before its body is read. */
export function useAuthentication(
  authenticator: Authenticator,
  corsOrigins: readonly string[],
  contextOf: (caller: Caller) => CallerContext,
): Plugin {
  async function findCaller(incoming: Incoming): Promise<Caller | null> {
    const authorization = incoming.request.headers.get('authorization');
    if (authorization === null) return withoutCredentials(authenticator, corsOrigins, incoming);
    const token = bearerToken(authorization);
    if (token === null) return null;
    return isKey(token) ? authenticator.withKey(token) : authenticator.withToken(token);
  }

  return {
    async onRequestParse(incoming) {
      const caller = await findCaller(incoming).catch(asWholeAnswer);
      if (!caller) throw new UnauthenticatedError();
      Object.assign(incoming.serverContext, contextOf(caller));
    },
  };
}

/** Makes a failed lookup of the caller the whole answer, with status 503. */
function asWholeAnswer(error: unknown): never {
  const known: GraphQLError | null = publicError(error);
  if (known) known.extensions['http'] ??= { status: 503 };
  throw known ?? error;
}

/** The token in an Authorization header; null where there is none. */
export function bearerToken(authorization: string | null | undefined): string | null {
  const [, token = null] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
  return token;
}

/** Headers that proxies add. Behind a proxy, requests of others also come from a loopback address. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

async function withoutCredentials(
  authenticator: Authenticator,
  corsOrigins: readonly string[],
  { request: { headers }, url }: Incoming,
): Promise<Caller | null> {
  const caller = await authenticator.withoutCredentials();
  if (!caller) return null;
  const direct = isLoopback(url.hostname) && !proxyHeaders.some((name) => headers.has(name));
  if (direct && isOwnPage(headers, corsOrigins)) return caller;
  throw new ForbiddenError('Without an API key the service answers only to this machine, asked as localhost.', 403);
}

/**
 * Whether a request comes from no web page, or from one of this machine or of an allowed origin. Any page in the
 * owner's browser can send requests here, also under a domain of its own that resolves to this machine.
 */
function isOwnPage(headers: Headers, corsOrigins: readonly string[]): boolean {
  const origin = headers.get('origin');
  if (origin === null) return headers.get('sec-fetch-site') !== 'cross-site';
  return corsOrigins.includes(origin) || isLoopback(URL.parse(origin)?.hostname ?? '');
}
