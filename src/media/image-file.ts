/** The states of an uploaded image, as callers see them. */
export const uploadStates = {
  WAITING: { description: 'The image has not arrived yet: send it to `url` before `expiresAt`.' },
  READY: { description: 'The image is there, and orders can use it until `deleteAt`.' },
  EXPIRED: { description: 'No image arrived in time: create another upload.' },
  DELETED: { description: 'The image was there, and its time to be kept is over.' },
} as const;

export type UploadState = keyof typeof uploadStates;

/** A reference image that the service keeps, or that may still be sent to it. */
export interface ImageFile {
  readonly id: string;
  readonly client: string;
  /** Each write increments it. A write that expects another version is refused. */
  readonly version: number;
  /** Whether the client has uploaded it, or an order had it inline. */
  readonly origin: 'UPLOAD' | 'INLINE';
  readonly state: 'WAITING' | 'READY' | 'DELETED';
  readonly contentType: string;
  /** Before the image has arrived, the size that was announced. */
  readonly sizeBytes: number;
  /** Null before the image has arrived. */
  readonly sha256: string | null;
  /** Null before the image has arrived, and where its header does not say it. */
  readonly widthPixels: number | null;
  readonly heightPixels: number | null;
  /** The name of the file in the store; null where there is none. */
  readonly name: string | null;
  readonly createdAt: Date;
  /** Until then the image may be sent; null where it was not uploaded. */
  readonly uploadUntil: Date | null;
  /** When the image is deleted; null before it has arrived. */
  readonly deleteAt: Date | null;
  /** When there is something to do next: to delete the image, or the row. */
  readonly dueAt: Date;
  readonly leasedUntil: Date | null;
}

export type NewImageFile = Omit<ImageFile, 'version' | 'leasedUntil'>;

export type ImageFileChange = Partial<Omit<ImageFile, 'id' | 'client' | 'version' | 'origin' | 'createdAt'>>;

/**
 * PORT: the rows of reference images that are kept. All methods throw DatabaseUnavailableError when the database does not
 * carry out a statement.
 */
export interface ImageFileStore {
  create(file: NewImageFile): Promise<ImageFile>;
  /** Changes the row if it still has the given version; null where another write came first. */
  update(file: Pick<ImageFile, 'id' | 'version'>, change: ImageFileChange): Promise<ImageFile | null>;
  /** Removes the row if it still has the given version. */
  remove(file: Pick<ImageFile, 'id' | 'version'>): Promise<void>;
  find(id: string): Promise<ImageFile | null>;
  /** The rows among these that exist, in no particular order. */
  findMany(ids: readonly string[]): Promise<ImageFile[]>;
  /** An image of the client with this content and type that is kept, the one that is kept longest. */
  findReady(client: string, contentType: string, sha256: string): Promise<ImageFile | null>;
  /** Claims up to `limit` due rows that have no running lease, the longest due first, and leases them. */
  claimDue(now: Date, leasedUntil: Date, limit: number): Promise<ImageFile[]>;
  /** How many uploads of a client have not arrived yet, and how many bytes were announced for them. */
  waitingOf(client: string): Promise<{ readonly count: number; readonly bytes: number }>;
  /** The rows with a file, by id, `limit` of them after the given id. */
  listNamed(afterId: string, limit: number): Promise<ImageFile[]>;
}

/** The state of an upload, as its client sees it. */
export function uploadStateOf({ state, sha256, uploadUntil }: ImageFile, now: Date): UploadState {
  if (state === 'DELETED') return sha256 === null ? 'EXPIRED' : 'DELETED';
  return state === 'WAITING' && uploadUntil !== null && now >= uploadUntil ? 'EXPIRED' : state;
}
