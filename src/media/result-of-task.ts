import { videoLifetimeMs } from '../tasks/check-schedule.ts';
import { later } from '../tasks/moment.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { FileLink } from './file-links.ts';

/** The video of a completed task. */
export interface VideoResult {
  readonly task: VideoTask;
  /** Null where the video cannot be fetched, or its link must not be shown. */
  readonly url: string | null;
  readonly state: 'AVAILABLE' | 'EXPIRED' | 'WITHHELD' | 'DELETED';
  /** When the link ends. */
  readonly expiresAt: Date;
}

export interface ResultSources {
  /** Whether a text contains the upstream's key. */
  readonly holdsKey: (text: string) => boolean;
  /** The signed link to the stored video of a task; null where nothing is stored. */
  readonly linkTo: (taskId: string) => FileLink | null;
}

/** When the vendor's link of a completed task ends. Rows of old versions do not say it. */
export const vendorLinkEndOf = ({ videoExpiresAt, completedAt, createdAt }: VideoTask): Date =>
  videoExpiresAt ?? later(completedAt ?? createdAt, videoLifetimeMs);

/**
 * The video of a completed task, judged at `now`; null for a task in another state. A stored video has a link of this
 * service, any other the vendor's. A vendor's link in which the upstream's key is found is withheld.
 */
export function resultOf(task: VideoTask, now: Date, { holdsKey, linkTo }: ResultSources): VideoResult | null {
  if (task.status !== 'COMPLETED' || task.videoUrl === null || task.completedAt === null) return null;
  const link = task.storage === 'STORED' ? linkTo(task.id) : null;
  if (link) return { task, state: 'AVAILABLE', ...link };
  const expiresAt = vendorLinkEndOf(task);
  if (task.storage === 'DELETED') return { task, url: null, state: 'DELETED', expiresAt };
  if (now >= expiresAt) return { task, url: null, state: 'EXPIRED', expiresAt };
  if (holdsKey(task.videoUrl)) return { task, url: null, state: 'WITHHELD', expiresAt };
  return { task, url: task.videoUrl, state: 'AVAILABLE', expiresAt };
}
