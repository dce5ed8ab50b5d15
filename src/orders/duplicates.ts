import type { VideoTask } from '../tasks/task.ts';
import type { TaskReader, Viewer } from '../tasks/task-reader.ts';

/**
 * How often a duplicate request rereads the task it waits for. That task may be submitted by another process, whose
 * signals may not arrive here.
 */
export const duplicateRereadMs = 250;

export interface DuplicateDependencies {
  readonly readerFor: (viewer: Viewer) => Pick<TaskReader, 'watch'>;
  /** How long a submit may take before the tracker records its task as UNCONFIRMED. */
  readonly submitLeaseMs: number;
}

/** Lets duplicate requests wait until the order that they repeat was sent. */
export class Duplicates {
  readonly #with: DuplicateDependencies;
  /** The submits for which duplicate requests wait, by task id. */
  readonly #awaited = new Map<string, Promise<VideoTask>>();

  constructor(dependencies: DuplicateDependencies) {
    this.#with = dependencies;
  }

  /** Resolves to the task once its submit has ended. All duplicates that wait for one task share one watch. */
  whenSubmitted(viewer: Viewer, original: VideoTask): Promise<VideoTask> {
    const waiting = this.#awaited.get(original.id) ?? this.#waitForSubmit(viewer, original);
    this.#awaited.set(original.id, waiting);
    return waiting.finally(() => this.#awaited.delete(original.id));
  }

  /**
   * Watches the task, because the submit may run in any process. Resolves to the task as it is when that takes longer
   * than a submit may.
   */
  async #waitForSubmit(viewer: Viewer, original: VideoTask): Promise<VideoTask> {
    let latest = original;
    if (latest.status !== 'SUBMITTING') return latest;
    const timeout = AbortSignal.timeout(this.#with.submitLeaseMs);
    for await (const task of this.#with.readerFor(viewer).watch(original.id, timeout, duplicateRereadMs)) {
      latest = task ?? latest;
      if (latest.status !== 'SUBMITTING') break;
    }
    return latest;
  }
}
