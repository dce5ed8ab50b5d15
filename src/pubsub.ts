import { EventEmitter } from 'node:events';

/** Tells who is listening that a task has changed: a hint and no more, the row is the truth. */
export interface Pubsub {
  publish(taskId: string): void;
  /** Calls `listener` on each hint, until the returned function is called. */
  subscribe(taskId: string, listener: () => void): () => void;
}

/** Hints within this process. */
export function createPubsub(): Pubsub {
  const emitter = new EventEmitter().setMaxListeners(0);
  return {
    publish: (taskId) => void emitter.emit(taskId),
    subscribe(taskId, listener) {
      emitter.on(taskId, listener);
      return () => void emitter.off(taskId, listener);
    },
  };
}
