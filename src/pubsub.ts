import { EventEmitter } from 'node:events';

/** Tells who is listening that a task has changed: a hint and no more, the row is the truth. */
export interface Pubsub {
  publish(taskId: string): void;
  /** Wakes whoever listens, whatever for. */
  publishAll(): void;
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
  // Prefixed, because an event that is called just "error" would be thrown.
  const eventOf = (taskId: string): string => `task ${taskId}`;
  relay?.receive((taskId) => void emitter.emit(eventOf(taskId)));
  return {
    publish(taskId) {
      emitter.emit(eventOf(taskId));
      relay?.send(taskId);
    },
    publishAll() {
      for (const event of emitter.eventNames()) emitter.emit(event);
    },
    subscribe(taskId, listener) {
      emitter.on(eventOf(taskId), listener);
      return () => void emitter.off(eventOf(taskId), listener);
    },
  };
}
