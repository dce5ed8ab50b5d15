import { type JWTPayload, jwtVerify } from 'jose';
import type { Logger } from 'pino';
import type { SpendingLimits } from '../spending/limits.ts';
import { type Caller, callerOf, isScope, type Scope } from './caller.ts';
import { isClientName, tokenPrefix } from './client-name.ts';
import type { JwtSettings } from './jwt.ts';
import { createKeySet } from './key-set.ts';

/** How many characters of the reason are logged. */
const maxLoggedLength = 200;

/**
 * Creates a function that verifies a JWT and returns its caller, or null where the token is not valid. Callers are not
 * told the reason; the log has it.
 */
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
      // jose accepts the critical extensions that it knows, but none of them belongs in a token.
      if (protectedHeader.crit !== undefined) throw new Error('its header has critical extensions');
      return callerOfClaims(payload, settings, limits, now);
    } catch (error) {
      log.debug({ reason: String(error).slice(0, maxLoggedLength) }, 'a token was refused');
      return null;
    }
  };
}

/** The caller that a verified token names; null where it names none or has no usable expiry. */
function callerOfClaims(
  claims: JWTPayload,
  { clientClaim, scopeClaim, defaultScopes }: JwtSettings,
  limits: SpendingLimits,
  now: () => Date,
): Caller | null {
  const { [clientClaim]: name, exp } = claims;
  // `exp` may be a number that is not a time, such as 1e400, which becomes Infinity.
  if (!isClientName(name) || exp === undefined || !Number.isFinite(exp)) return null;
  const scopes = scopeClaim in claims ? scopesIn(claims[scopeClaim]) : defaultScopes;
  return callerOf(tokenPrefix + name, scopes, limits, async () => now().getTime() < exp * 1000);
}

/** Unknown scopes are ignored, because a token is often issued for several services. */
function scopesIn(claim: unknown): Scope[] {
  if (typeof claim === 'string') return claim.split(' ').filter(isScope);
  if (Array.isArray(claim)) return claim.filter((item) => typeof item === 'string').filter(isScope);
  return [];
}
