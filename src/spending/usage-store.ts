import type { Usage } from './usage.ts';

export interface SavedUsage extends Usage {
  /** Raised by every write. */
  readonly version: number;
}

/** PORT: where it is kept what each client has ordered. All methods throw DatabaseUnavailableError. */
export interface UsageStore {
  find(client: string): Promise<SavedUsage | null>;
  /** Writes a usage over that version of it, 0 where there is none yet; null where another write has come since. */
  save(client: string, usage: Usage, version: number): Promise<SavedUsage | null>;
}
