import type { Scope } from './caller.ts';

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
