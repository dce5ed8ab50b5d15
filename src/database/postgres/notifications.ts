import pg from 'pg';
import type { Logger } from 'pino';

const channel = 'grok_video_task_changed';

/** How long to wait before connecting again. Meanwhile watchers go by their own re-reading. */
const reconnectMs = 1_000;

/** What is sent in the place of a task's id when API keys have changed. */
const keysChanged = 'keys';

export interface Notifications {
  send(taskId: string): void;
  receive(onTaskChanged: (taskId: string) => void): void;
  /** Tells the other instances that API keys have changed; resolves when it has been sent. */
  sendKeysChanged(): Promise<void>;
  receiveKeysChanged(onKeysChanged: () => void): void;
  /** Another number for each time the connection was made; null while there is none, and changes go unheard. */
  epoch(): number | null;
  close(): Promise<void>;
}

/**
 * Carries hints between the instances that share a PostgreSQL database, by LISTEN and NOTIFY on a connection of its
 * own. A hint that is lost, because the connection was down for a moment, is only a delay.
 */
export function createNotifications(url: string, log: Logger): Notifications {
  const unsent = new Set<string>();
  const taskListeners: ((taskId: string) => void)[] = [];
  let onKeysChanged = () => {};
  let listening = false;
  let connections = 0;
  /** The connection in use; it takes one query at a time. */
  let client: pg.Client | undefined;
  let busy: Promise<unknown> = connect();
  let retry: NodeJS.Timeout | undefined;
  let closed = false;

  async function connect(): Promise<void> {
    const connecting = new pg.Client({ connectionString: url, keepAlive: true, connectionTimeoutMillis: 5_000 });
    client = connecting;
    connecting.on('notification', ({ payload = '' }) => {
      if (payload === keysChanged) return onKeysChanged();
      for (const listener of taskListeners) listener(payload);
    });
    // Without a listener, the loss of the connection would end the process.
    connecting.on('error', (err) => lost(connecting, err));
    connecting.on('end', () => lost(connecting, new Error('the connection ended')));
    try {
      await connecting.connect();
      await connecting.query(`LISTEN ${channel}`);
      connections += 1;
      listening = true;
    } catch (err) {
      lost(connecting, err);
    }
  }

  function lost(connection: pg.Client | undefined, err: unknown): void {
    if (connection !== client || closed) return;
    client = undefined;
    listening = false;
    log.warn({ err }, 'notifications interrupted');
    connection?.end().catch(() => {});
    retry = setTimeout(() => {
      // What it is made with may be missing by now: a certificate's file, for one.
      busy = connect().catch((error: unknown) => lost(undefined, error));
    }, reconnectMs);
  }

  /** Sends all that has come together while the connection was busy. */
  async function sendAll(): Promise<void> {
    const taskIds = [...unsent];
    unsent.clear();
    if (taskIds.length === 0) return;
    await client?.query('SELECT pg_notify($1, "id") FROM unnest($2::text[]) AS "id"', [channel, taskIds]);
  }

  return {
    send(taskId) {
      if (unsent.size === 0) busy = busy.then(sendAll).catch(() => {});
      unsent.add(taskId);
    },
    receive(onTaskChanged) {
      taskListeners.push(onTaskChanged);
    },
    async sendKeysChanged() {
      await busy;
      await client?.query('SELECT pg_notify($1, $2)', [channel, keysChanged]);
    },
    receiveKeysChanged(listener) {
      onKeysChanged = listener;
    },
    epoch: () => (listening ? connections : null),
    async close() {
      closed = true;
      clearTimeout(retry);
      await client?.end().catch(() => {});
    },
  };
}
