import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { createNotifications, type Notifications } from '../../src/database/postgres/notifications.ts';
import { freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/log.ts';

interface Instance extends Notifications {
  readonly heard: string[];
}

function join(url: string): Instance {
  const notifications = createNotifications(url, silentLog);
  onTestFinished(() => notifications.close());
  const heard: string[] = [];
  notifications.receive((taskId) => heard.push(taskId));
  return { ...notifications, heard };
}

/** Sends until it is heard: an instance listens only once it is connected. */
async function reach(from: Instance, to: Instance, taskId: string): Promise<void> {
  await expect
    .poll(
      () => {
        from.send(taskId);
        return to.heard;
      },
      { timeout: 10_000 },
    )
    .toContain(taskId);
}

test('a notification of one instance reaches all that share the database', async () => {
  const url = await freshDatabase('postgresql');
  const [one, other] = [join(url), join(url)];
  await reach(one, other, 'first');
  await reach(other, one, 'second');
  for (let index = 0; index < 100; index++) one.send(`task ${index}`);
  await expect.poll(() => new Set(other.heard).size).toBeGreaterThanOrEqual(101);
});

test('an instance whose connection was cut reconnects by itself', async () => {
  const url = await freshDatabase('postgresql');
  const [one, other] = [join(url), join(url)];
  await reach(one, other, 'before');
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  await owner.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  await owner.end();
  await reach(one, other, 'after');
});
