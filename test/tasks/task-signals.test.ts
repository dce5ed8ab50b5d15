import { expect, test } from 'vitest';
import { createTaskSignals } from '../../src/tasks/task-signals.ts';

test('whatever comes in over the relay, only who listens for it hears it', () => {
  let relayed: (taskId: string) => void = () => {};
  const sent: string[] = [];
  const pubsub = createTaskSignals({
    send: (taskId) => void sent.push(taskId),
    receive(onTaskChanged) {
      relayed = onTaskChanged;
    },
  });
  const heard: string[] = [];
  const leave = pubsub.subscribe('a', () => heard.push('a'));
  pubsub.subscribe('b', () => heard.push('b'));
  // Any user of the database can notify anything; an event of this name is thrown where nobody listens for it.
  relayed('error');
  relayed('a');
  pubsub.publish('b');
  expect(heard).toEqual(['a', 'b']);
  expect(sent).toEqual(['b']);
  leave();
  relayed('a');
  expect(heard).toEqual(['a', 'b']);
});
