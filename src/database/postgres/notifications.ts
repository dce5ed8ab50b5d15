import pg from 'pg';
import type { Logger } from 'pino';

const channel = 'grok_video_task_changed';

/** The pause before the connection is made again. Until then watchers only reread their tasks from time to time. */
const reconnectMs = 1_000;

/** The payloads that mean that API keys or an account of the upstream have changed. All others are task ids. */
const topics = ['keys', 'account'] as const;

export type Topic = (typeof topics)[number];

const isTopic = (payload: string): payload is Topic => (topics as readonly string[]).includes(payload);

export interface Notifications {
  send(taskId: string): void;
  receive(onTaskChanged: (taskId: string) => void): void;
  /** Tells the other instances that rows of this kind have changed. Resolves when the notification was sent. */
  announce(topic: Topic): Promise<void>;
  onAnnounced(topic: Topic, listener: () => void): void;
  /** The number of times the connection was made; null while it is down, because changes may be missed then. */
  epoch(): number | null;
  close(): Promise<void>;
}

/**
 * Sends and receives notifications between the instances on one PostgreSQL database, by LISTEN and NOTIFY on a
 * connection of its own. A notification that is lost because the connection was down only delays a watcher.
 */
export function createNotifications(url: string, log: Logger): Notifications {
  const unsent = new Set<string>();
  const taskListeners: ((taskId: string) => void)[] = [];
  const topicListeners = new Map<Topic, () => void>();
  let listening = false;
  let connections = 0;
  /** The current connection. It runs one query at a time. */
  let client: pg.Client | undefined;
  let busy: Promise<unknown> = connect();
  let retry: NodeJS.Timeout | undefined;
  let closed = false;

  async function connect(): Promise<void> {
    const connecting = new pg.Client({ connectionString: url, keepAlive: true, connectionTimeoutMillis: 5_000 });
    client = connecting;
    connecting.on('notification', ({ payload = '' }) => {
      if (isTopic(payload)) return topicListeners.get(payload)?.();
      for (const listener of taskListeners) listener(payload);
    });
    // Without this listener, losing the connection would end the process.
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
      // Connecting can throw too, for example when the file of a certificate is missing.
      busy = connect().catch((error: unknown) => lost(undefined, error));
    }, reconnectMs);
  }

  /** Sends all task ids that were added while the connection was busy. */
  async function sendAll(): Promise<void> {
    const taskIds = [...unsent];
    unsent.clear();
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
    async announce(topic) {
      const sent = busy.then(() => client?.query('SELECT pg_notify($1, $2)', [channel, topic]));
      busy = sent.catch(() => {});
      await sent;
    },
    onAnnounced(topic, listener) {
      topicListeners.set(topic, listener);
    },
    epoch: () => (listening ? connections : null),
    async close() {
      closed = true;
      clearTimeout(retry);
      await client?.end().catch(() => {});
    },
  };
}
