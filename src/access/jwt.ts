import type { SpendingLimits } from '../videos/spending.ts';
import { type Caller, callerOf, isScope, type Scope } from './caller.ts';

/** Public keys only: with a shared secret, whoever can check a token could make one. */
export const jwtAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'] as const;

/** Whose tokens are believed, and how they are read. */
export interface JwtSettings {
  /** Where the issuer publishes its public keys: one of the two is given. */
  readonly jwksUrl: string | null;
  readonly jwksFile: string | null;
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly (typeof jwtAlgorithms)[number][];
  /** The claim that names the client. */
  readonly clientClaim: string;
  /** The claim that lists the scopes: a text with spaces between them, or a list. */
  readonly scopeClaim: string;
  /** The scopes of a token without that claim. */
  readonly defaultScopes: readonly Scope[];
}

/** Clients that tokens name are set apart from those that keys name: who issues tokens cannot speak for those. */
const prefix = 'jwt:';

const maxNameLength = 200;

/** Whom a verified token speaks for; null where it does not say, or does not expire. */
export function callerOfClaims(
  claims: Readonly<Record<string, unknown>>,
  { clientClaim, scopeClaim, defaultScopes }: JwtSettings,
  limits: SpendingLimits,
  now: () => Date,
): Caller | null {
  const { [clientClaim]: name, exp } = claims;
  if (typeof name !== 'string' || name === '' || name.length > maxNameLength || typeof exp !== 'number') return null;
  const scopes = scopeClaim in claims ? scopesIn(claims[scopeClaim]) : defaultScopes;
  return callerOf(prefix + name, scopes, limits, async () => {
    return now().getTime() < exp * 1000;
  });
}

/** Other scopes than ours may be in it: a token is often made for several services. */
function scopesIn(claim: unknown): Scope[] {
  if (typeof claim === 'string') return claim.split(' ').filter(isScope);
  if (Array.isArray(claim)) return claim.filter((item) => typeof item === 'string').filter(isScope);
  return [];
}
