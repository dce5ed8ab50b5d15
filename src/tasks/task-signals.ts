import { EventEmitter } from 'node:events';

/** Tells those who watch a task that it has changed. A signal carries nothing else, because the row is the truth. */
export interface TaskSignals {
  publish(taskId: string): void;
  /** Wakes all listeners of all tasks. */
  publishAll(): void;
  /** Calls `listener` on each signal, until the returned function is called. */
  subscribe(taskId: string, listener: () => void): () => void;
}

/** PORT: carries signals to and from other processes. */
export interface SignalRelay {
  send(taskId: string): void;
  receive(onTaskChanged: (taskId: string) => void): void;
}

/** Signals within this process and, where there is a relay, between processes. */
export function createTaskSignals(relay: SignalRelay | null): TaskSignals {
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
