import type { Scope } from './caller.ts';

/**
 * Only algorithms with public keys, because with a shared secret every service that can verify a token could also issue
 * one.
 */
export const jwtAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'] as const;

/** The issuer whose tokens are accepted, and how its claims are read. */
export interface JwtSettings {
  /** Where the issuer's public keys are: exactly one of `jwksUrl` and `jwksFile` is set. */
  readonly jwksUrl: string | null;
  readonly jwksFile: string | null;
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly (typeof jwtAlgorithms)[number][];
  /** The claim that names the client. */
  readonly clientClaim: string;
  /** The claim that lists the scopes: a string with spaces between them, or an array. */
  readonly scopeClaim: string;
  /** The scopes of a token without that claim. */
  readonly defaultScopes: readonly Scope[];
}
