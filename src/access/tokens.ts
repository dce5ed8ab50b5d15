import { type JWTPayload, jwtVerify } from 'jose';
import type { Logger } from 'pino';
import type { SpendingLimits } from '../spending/usage.ts';
import { type Caller, callerOf, isScope, type Scope } from './caller.ts';
import { isClientName, tokenPrefix } from './client-name.ts';
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
      const { payload, protectedHeader } = await jwtVerify(token, keys, demanded);
      // Those that jose knows are of no use in a token.
      if (protectedHeader.crit !== undefined) throw new Error('its header has critical extensions');
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
  // JSON has numbers that are no time, such as 1e400.
  if (!isClientName(name) || exp === undefined || !Number.isFinite(exp)) return null;
  const scopes = scopeClaim in claims ? scopesIn(claims[scopeClaim]) : defaultScopes;
  return callerOf(tokenPrefix + name, scopes, limits, async () => now().getTime() < exp * 1000);
}

/** Other scopes than ours may be in it: a token is often made for several services. */
function scopesIn(claim: unknown): Scope[] {
  if (typeof claim === 'string') return claim.split(' ').filter(isScope);
  if (Array.isArray(claim)) return claim.filter((item) => typeof item === 'string').filter(isScope);
  return [];
}
