/** The states of storing a finished video. */
export const storageStates = {
  PENDING: { description: 'The video is still to be stored; `message` says why the last attempt failed.' },
  STORED: { description: 'The service keeps the file.' },
  FAILED: {
    description: 'The video could not be stored while its link lived; `message` says why. It stays COMPLETED.',
  },
  DELETED: { description: 'The file was deleted, by `deleteVideoFile` or because its time to be kept is over.' },
} as const;

export type StorageState = keyof typeof storageStates;

/** The record of storing one finished video. */
export interface VideoFile {
  readonly taskId: string;
  readonly client: string;
  /** Each write increments it. A write that expects another version is refused. */
  readonly version: number;
  readonly state: StorageState;
  /** The name of the file in the store; null where there is none. */
  readonly name: string | null;
  readonly sizeBytes: number | null;
  readonly sha256: string | null;
  readonly contentType: string | null;
  /** Why the last attempt failed, for the task's owner. */
  readonly message: string | null;
  /** The number of downloads that were tried. */
  readonly attempts: number;
  readonly storedAt: Date | null;
  /** When the file is deleted; null where it is kept. */
  readonly deleteAt: Date | null;
  readonly dueAt: Date | null;
  readonly leasedUntil: Date | null;
}

export type VideoFileChange = Partial<Omit<VideoFile, 'taskId' | 'client' | 'version'>>;

/**
 * PORT: the rows of videos that are to be stored. All methods throw DatabaseUnavailableError when the database does not
 * carry out a statement.
 */
export interface VideoFileStore {
  /**
   * Makes a row for each completed task that was handed over (`storeDueAt`), up to `limit` of them, and takes the mark
   * from the task. A task whose row exists already only loses the mark.
   */
  enterDue(now: Date, limit: number): Promise<void>;
  /**
   * Hands over the completed tasks whose link still lives and that were never handed over, because they were completed
   * by an older version or while nothing was stored.
   */
  adopt(now: Date): Promise<void>;
  /** Claims up to `limit` due rows that have no running lease, the longest due first, and leases them. */
  claimDue(now: Date, leasedUntil: Date, limit: number): Promise<VideoFile[]>;
  /** Changes the row if it still has the given version; null where another write came first. */
  update(file: Pick<VideoFile, 'taskId' | 'version'>, change: VideoFileChange): Promise<VideoFile | null>;
  find(taskId: string): Promise<VideoFile | null>;
  /** The rows among these that exist, in no particular order. */
  findMany(taskIds: readonly string[]): Promise<VideoFile[]>;
  /** How many bytes are stored for a client, those of its reference images included. */
  storedBytes(client: string): Promise<number>;
  /** The rows with a file, by task id, `limit` of them after the given task id. */
  listNamed(afterTaskId: string, limit: number): Promise<VideoFile[]>;
  /** Whether any file is stored. */
  hasFiles(): Promise<boolean>;
  /** The id of the file store that belongs to this database. It is given the candidate where it has none. */
  storeId(candidate: string): Promise<string>;
}
