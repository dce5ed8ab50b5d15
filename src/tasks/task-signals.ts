import { EventEmitter } from 'node:events';

/**
 * Tells the watchers of a task that it has changed. A signal carries only the task's id; watchers read the row again.
 */
export interface TaskSignals {
  publish(taskId: string): void;
  /** Calls all listeners of all tasks. */
  publishAll(): void;
  /** Calls `listener` on each signal, until the returned function is called. */
  subscribe(taskId: string, listener: () => void): () => void;
}

/** PORT: sends signals to other processes and receives theirs. */
export interface SignalRelay {
  send(taskId: string): void;
  receive(onTaskChanged: (taskId: string) => void): void;
}

/** Creates the signals of this process and, with a relay, between processes. */
export function createTaskSignals(relay: SignalRelay | null): TaskSignals {
  const emitter = new EventEmitter().setMaxListeners(0);
  // The prefix keeps an id from being "error": EventEmitter throws events of that name.
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
