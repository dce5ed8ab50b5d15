import pg from 'pg';
import type { Logger } from 'pino';

const channel = 'grok_video_task_changed';

/** How long to wait before connecting again. Meanwhile watchers go by their own re-reading. */
const reconnectMs = 1_000;

export interface Notifications {
  send(taskId: string): void;
  receive(onTaskChanged: (taskId: string) => void): void;
  close(): Promise<void>;
}

/**
 * Carries hints between the instances that share a PostgreSQL database, by LISTEN and NOTIFY on a connection of its
 * own. A hint that is lost, because the connection was down for a moment, is only a delay.
 */
export function createNotifications(url: string, log: Logger): Notifications {
  let listener: (taskId: string) => void = () => {};
  let client: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;
  let closed = false;

  async function connect(): Promise<void> {
    const connecting = new pg.Client({ connectionString: url, keepAlive: true, connectionTimeoutMillis: 5_000 });
    connecting.on('notification', ({ payload }) => payload && listener(payload));
    // Without a listener, the loss of the connection would end the process.
    connecting.on('error', (err) => lost(connecting, err));
    connecting.on('end', () => lost(connecting, new Error('the connection ended')));
    client = connecting;
    try {
      await connecting.connect();
      await connecting.query(`LISTEN ${channel}`);
    } catch (err) {
      lost(connecting, err);
    }
  }

  function lost(connection: pg.Client, err: unknown): void {
    if (connection !== client || closed) return;
    client = undefined;
    log.warn({ err }, 'notifications interrupted');
    connection.end().catch(() => {});
    retry = setTimeout(connect, reconnectMs);
  }

  void connect();
  return {
    send(taskId) {
      client?.query('SELECT pg_notify($1, $2)', [channel, taskId]).catch(() => {});
    },
    receive(onTaskChanged) {
      listener = onTaskChanged;
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      await client?.end().catch(() => {});
    },
  };
}
