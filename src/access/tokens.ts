import { type JWTPayload, jwtVerify } from 'jose';
import type { Logger } from 'pino';
import type { SpendingLimits } from '../videos/spending.ts';
import { type Caller, callerOf, isScope, type Scope } from './caller.ts';
import { tokenPrefix } from './client-name.ts';
import type { JwtSettings } from './jwt.ts';
import { createKeySet } from './key-set.ts';

/** Enough of what is wrong with a token. */
const maxLoggedLength = 200;

/** Reads whom a token speaks for; null where it is not valid, for all reasons alike: only the log has the reason. */
export function createTokenReader(
  settings: JwtSettings,
  limits: SpendingLimits,
  log: Logger,
  now: () => Date,
): (token: string) => Promise<Caller | null> {
  const { issuer, audience } = settings;
  const keys = createKeySet(settings, log);
  const demanded = { issuer, audience, algorithms: [...settings.algorithms], requiredClaims: ['exp'] };
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, demanded);
      return callerOfClaims(payload, settings, limits, now);
    } catch (error) {
      log.debug({ reason: String(error).slice(0, maxLoggedLength) }, 'a token was refused');
      return null;
    }
  };
}

/** Whom a verified token speaks for; null where it does not say, or does not expire. */
function callerOfClaims(
  claims: JWTPayload,
  { clientClaim, scopeClaim, defaultScopes }: JwtSettings,
  limits: SpendingLimits,
  now: () => Date,
): Caller | null {
  const { [clientClaim]: name, exp } = claims;
  if (typeof name !== 'string' || name === '' || name.length > 200 || exp === undefined) return null;
  const scopes = scopeClaim in claims ? scopesIn(claims[scopeClaim]) : defaultScopes;
  return callerOf(tokenPrefix + name, scopes, limits, async () => now().getTime() < exp * 1000);
}

/** Other scopes than ours may be in it: a token is often made for several services. */
function scopesIn(claim: unknown): Scope[] {
  if (typeof claim === 'string') return claim.split(' ').filter(isScope);
  if (Array.isArray(claim)) return claim.filter((item) => typeof item === 'string').filter(isScope);
  return [];
}
