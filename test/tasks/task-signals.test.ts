import { expect, test } from 'vitest';
import { createTaskSignals } from '../../src/tasks/task-signals.ts';

test('a signal from the relay reaches only the listeners of its task, for any text', () => {
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
  // Any user of the database can send any notification, and an EventEmitter throws events named "error".
  relayed('error');
  relayed('a');
  pubsub.publish('b');
  expect(heard).toEqual(['a', 'b']);
  expect(sent).toEqual(['b']);
  leave();
  relayed('a');
  expect(heard).toEqual(['a', 'b']);
});
