/** An API key as it is kept: its hash, whose it is, and what it allows. */
export interface ApiKey {
  /** The part of the key that may be shown. */
  readonly id: string;
  /** SHA-256 of the whole key, in hexadecimal. */
  readonly hash: string;
  readonly client: string;
  /** Names of scopes, with a space between them. */
  readonly scopes: string;
  /** The client's limits; null where the service's defaults hold. */
  readonly submitsPerMinute: number | null;
  readonly secondsPerDay: number | null;
  readonly callsPerDay: number | null;
  readonly createdAt: Date;
  /** To the minute. */
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/** PORT: where API keys are kept. All methods throw DatabaseUnavailableError. */
export interface KeyStore {
  create(key: Omit<ApiKey, 'lastUsedAt' | 'revokedAt'>): Promise<void>;
  findByHash(hash: string): Promise<ApiKey | null>;
  /** All of them, revoked ones too, the oldest first. */
  list(): Promise<ApiKey[]>;
  /** Whether there is any key, revoked ones included: once one was made, callers have to authenticate for good. */
  exists(): Promise<boolean>;
  /** Notes that the key was used. */
  use(key: ApiKey, at: Date): Promise<void>;
  /** Ends the key; false where there is none with this id, or it has ended before. */
  revoke(id: string, at: Date): Promise<boolean>;
}
