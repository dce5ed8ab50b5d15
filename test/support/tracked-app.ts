import type { Provider } from '../../src/database/database.ts';
import { createTestApp, type Speaker, submitDocument, type TestApp } from './app.ts';
import { freshDatabase } from './database.ts';
import { minuteMs } from './domain.ts';

export interface TrackedApp extends TestApp {
  /** Moves the clock by more than any pause between two checks, so that every running task is checked once. */
  untilNextCheck(): void;
  setTime(time: Date | string): void;
  /** Orders and returns the task's id. */
  submit(input: object): Promise<string>;
  /** Lets the task be checked until it has ended. */
  untilEnded(id: string): Promise<void>;
}

/**
 * The whole service with its tracker running and a clock that the test moves. No task becomes due while the clock
 * stands still.
 */
export async function createTrackedApp(provider: Provider = 'sqlite'): Promise<TrackedApp> {
  const clock = { now: new Date('2026-11-22T12:00:00.000Z') };
  const app = await createTestApp({
    databaseUrl: await freshDatabase(provider),
    now: () => clock.now,
    started: true,
  });
  const untilNextCheck = () => {
    clock.now = new Date(clock.now.getTime() + minuteMs);
  };
  return {
    ...app,
    untilNextCheck,
    setTime(time) {
      clock.now = new Date(time);
    },
    ...ordersOf(app, untilNextCheck),
  };
}

/** The steps of a client that orders and waits. */
export const ordersOf = (speaker: Speaker, untilNextCheck: () => void): Pick<TrackedApp, 'submit' | 'untilEnded'> => ({
  async submit(input) {
    const { data } = await speaker.query(submitDocument, { input });
    return data.submitVideo.task.id;
  },
  async untilEnded(id) {
    const states = speaker.subscribe('subscription ($id: ID!) { videoTaskUpdated(id: $id) { status } }', { id });
    for await (const _ of states) untilNextCheck();
  },
});
