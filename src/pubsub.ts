import { EventEmitter } from 'node:events';

/** Tells who is listening that a task has changed: a hint and no more, the row is the truth. */
export interface Pubsub {
  publish(taskId: string): void;
  /** Calls `listener` on each hint, until the returned function is called. */
  subscribe(taskId: string, listener: () => void): () => void;
}

/** What carries hints to and from other processes. */
export interface Relay {
  send(taskId: string): void;
  receive(onTaskChanged: (taskId: string) => void): void;
}

/** Hints within this process, and over the relay, where there is one, between processes. */
export function createPubsub(relay: Relay | null): Pubsub {
  const emitter = new EventEmitter().setMaxListeners(0);
  relay?.receive((taskId) => void emitter.emit(taskId));
  return {
    publish(taskId) {
      emitter.emit(taskId);
      relay?.send(taskId);
    },
    subscribe(taskId, listener) {
      emitter.on(taskId, listener);
      return () => void emitter.off(taskId, listener);
    },
  };
}
