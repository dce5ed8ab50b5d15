import type { GraphQLError } from 'graphql';
import type { Plugin, YogaLogger } from 'graphql-yoga';
import type { Caller } from '../access/caller.ts';
import { type Door, isLoopback } from '../access/door.ts';
import { ForbiddenError, UnauthenticatedError } from '../access/errors.ts';
import type { JwtSettings } from '../access/jwt.ts';
import { createKeySet } from '../access/key-set.ts';
import { isKey } from '../access/keys.ts';
import { publicError } from '../graphql/errors.ts';

/** Enough of what is wrong with a token. */
const maxLoggedLength = 200;

/** A request of whose body nothing has been read. */
type Incoming = Parameters<NonNullable<Plugin['onRequestParse']>>[0];

/** Puts the caller into the context, or refuses the request before its body is read. */
export async function useAuthentication(door: Door, corsOrigins: readonly string[]): Promise<Plugin> {
  const jwt: Plugin = door.jwt ? await createJwtPlugin(door.jwt) : {};

  async function findCaller(incoming: Incoming): Promise<Caller | null> {
    if (!incoming.request.headers.has('authorization')) return withoutCredentials(door, corsOrigins, incoming);
    const token = tokenIn(incoming.request);
    if (token === null) return null;
    if (isKey(token)) return door.withKey(token);
    try {
      await jwt.onRequestParse?.(incoming);
    } catch {
      // Whatever is wrong with a token looks the same from outside; the log has the reason.
      return null;
    }
    const verified = incoming.serverContext as { jwt?: { payload: Record<string, unknown> } };
    return verified.jwt ? door.withClaims(verified.jwt.payload) : null;
  }

  return {
    onYogaInit: ({ yoga }) =>
      jwt.onYogaInit?.({ yoga: Object.create(yoga, { logger: { value: quiet(yoga.logger) } }) }),
    async onRequestParse(incoming) {
      const client = await findCaller(incoming).catch(asWholeAnswer);
      if (!client) throw new UnauthenticatedError();
      Object.assign(incoming.serverContext, { client });
    },
  };
}

/** A bad token is its sender's mistake: no warning, and no more of it than tells what it is. */
function quiet({ debug }: YogaLogger): YogaLogger {
  const say = (...parts: unknown[]) => debug(parts.join(' ').slice(0, maxLoggedLength));
  return { debug: say, info: say, warn: say, error: say };
}

/** Of a caller who cannot be looked up there is nothing to answer but that. */
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

const tokenIn = ({ headers }: Request): string | null => bearerToken(headers.get('authorization'));

/** What a proxy adds, which lets others in from this machine's own address. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

async function withoutCredentials(
  door: Door,
  corsOrigins: readonly string[],
  { request: { headers }, url }: Incoming,
): Promise<Caller | null> {
  const caller = await door.withoutCredentials();
  if (!caller) return null;
  const direct = isLoopback(url.hostname) && !proxyHeaders.some((name) => headers.has(name));
  if (direct && isOwnPage(headers, corsOrigins)) return caller;
  throw new ForbiddenError('Without an API key the service answers only to this machine, asked as localhost.', 403);
}

/** A web page may speak to us from the owner's browser, also under a name of its own that leads to this machine. */
function isOwnPage(headers: Headers, corsOrigins: readonly string[]): boolean {
  const origin = headers.get('origin');
  if (origin === null) return headers.get('sec-fetch-site') !== 'cross-site';
  return corsOrigins.includes(origin) || isLoopback(URL.parse(origin)?.hostname ?? '');
}

async function createJwtPlugin(settings: JwtSettings): Promise<Plugin> {
  // Loaded only where tokens are believed: it takes a tenth of a start.
  const { useJWT } = await import('@graphql-yoga/plugin-jwt');
  const { issuer, audience, algorithms } = settings;
  const keySet = createKeySet(settings);
  const lookup = ({ request }: { request: Request }) => {
    const token = tokenIn(request);
    return token === null ? undefined : { token };
  };
  return useJWT({
    signingKeyProviders: [async (kid) => (await keySet.find(kid)) ?? ''],
    tokenLookupLocations: [lookup],
    tokenVerification: { issuer, audience, algorithms: [...algorithms] },
    reject: { missingToken: true, invalidToken: true },
  }) as Plugin;
}
