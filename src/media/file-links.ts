import { createHmac, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { hourMs } from '../tasks/check-schedule.ts';

/** A link to a file, and when it ends. */
export interface FileLink {
  readonly url: string;
  readonly expiresAt: Date;
}

/** The parts of a link, as they stand in it. */
export interface SignedPath {
  readonly path: string;
  /** In Unix time, in seconds. */
  readonly expires: string;
  readonly signature: string;
}

export interface FileLinkSettings {
  /** The keys of the signatures. The first one signs; links that any of them has signed are valid. */
  readonly keys: readonly Buffer[];
  readonly linkHours: number;
  /** The address under which callers reach this service, without a slash at its end. */
  readonly baseUrl: () => string;
}

/** How many links are kept, because signing the links of a list again and again would make the list slower. */
const maxKept = 50_000;

/** Signs links to files, and verifies them. A link is valid for one path until its end. */
export class FileLinks {
  readonly #settings: FileLinkSettings;
  readonly #kept = new LRUCache<string, FileLink>({ max: maxKept });

  constructor(settings: FileLinkSettings) {
    this.#settings = settings;
  }

  /**
   * A link to `path`, such as `videos/….mp4`. Its end is rounded up to the hour, so that a link stays the same for an
   * hour and caches keep what it leads to.
   */
  sign(path: string, now: Date, hours = this.#settings.linkHours): FileLink {
    const endMs = (Math.ceil(now.getTime() / hourMs) + hours) * hourMs;
    const kept = this.#kept.get(path);
    if (kept?.expiresAt.getTime() === endMs) return kept;
    const link = this.signUntil(path, new Date(endMs));
    this.#kept.set(path, link);
    return link;
  }

  /** A link to `path` that ends at a time, which is a whole second. */
  signUntil(path: string, expiresAt: Date): FileLink {
    const { keys, baseUrl } = this.#settings;
    const expires = String(expiresAt.getTime() / 1_000);
    const [key] = keys;
    if (!key) throw new Error('There is no key to sign links with.');
    const signature = signatureOf(key, path, expires).toString('base64url');
    return { url: `${baseUrl()}/files/${expires}/${signature}/${path}`, expiresAt };
  }

  /** Until when the link to a path is valid; null where it is not, or not any more. */
  verify({ path, expires, signature }: SignedPath, now: Date): Date | null {
    const given = Buffer.from(signature, 'base64url');
    const matches = this.#settings.keys.map((key) => timingSafeEqual(signatureOf(key, path, expires), given));
    const end = new Date(Number(expires) * 1_000);
    return matches.includes(true) && now < end ? end : null;
  }
}

/** Reads the path of a URL; null where it has not the form of a link to a file. */
export function readLink(url: string): SignedPath | null {
  const [, expires, signature, path] =
    /^\/files\/(\d{1,12})\/([\w-]{43})\/([a-z]{1,20}\/[0-9a-f-]{36}\.[a-z0-9]{1,5})$/.exec(url) ?? [];
  return expires && signature && path ? { path, expires, signature } : null;
}

const signatureOf = (key: Buffer, path: string, expires: string): Buffer =>
  createHmac('sha256', key).update(`v1\n${path}\n${expires}`).digest();
