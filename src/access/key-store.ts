/** A stored API key: its hash, its client and what it allows. */
export interface ApiKey {
  /** The first part of the key, which may be shown. */
  readonly id: string;
  /** SHA-256 of the whole key, in hexadecimal. */
  readonly hash: string;
  readonly client: string;
  /** Names of scopes, separated by spaces. */
  readonly scopes: string;
  /** The client's limits; null for the service's default. */
  readonly submitsPerMinute: number | null;
  readonly secondsPerDay: number | null;
  readonly callsPerDay: number | null;
  readonly maxOpen: number | null;
  readonly createdAt: Date;
  /** Precise to the minute. */
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/** PORT: stores API keys. All methods throw DatabaseUnavailableError. */
export interface KeyStore {
  create(key: Omit<ApiKey, 'lastUsedAt' | 'revokedAt'>): Promise<void>;
  findByHash(hash: string): Promise<ApiKey | null>;
  /** All keys, revoked ones included, the oldest first. */
  list(): Promise<ApiKey[]>;
  /** Whether there is any key, revoked ones included: after the first key, callers always have to authenticate. */
  exists(): Promise<boolean>;
  /** Records when the key was used. */
  use(key: ApiKey, at: Date): Promise<void>;
  /** Revokes the key. False where there is no key with this id, or it was revoked before. */
  revoke(id: string, at: Date): Promise<boolean>;
}
