import type { Usage } from './limits.ts';

export interface SavedUsage extends Usage {
  /** Each write increments it. */
  readonly version: number;
}

/** PORT: stores what each client has ordered. All methods throw DatabaseUnavailableError. */
export interface UsageStore {
  find(client: string): Promise<SavedUsage | null>;
  /** Writes a usage over the given version, 0 for a client without one. Null where another write came first. */
  save(client: string, usage: Usage, version: number): Promise<SavedUsage | null>;
}
