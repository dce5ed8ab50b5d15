import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { anOrder, submitDocument } from '../support/app.ts';
import { createKeyFor } from '../support/callers.ts';
import { freshDatabase } from '../support/database.ts';
import { noSpendingLimits } from '../support/local-caller.ts';
import { type ServiceProcess, startService } from '../support/process.ts';
import { apiKey, startUpstream, type TestUpstream } from '../support/upstream.ts';

export interface Guarded extends ServiceProcess {
  readonly key: string;
  readonly databaseUrl: string;
  readonly upstream: TestUpstream;
  /** Sends a body with the key. Given headers replace the usual ones. */
  send(body: BodyInit | object, headers?: Record<string, string>): Promise<Response>;
}

/** The service as `npm start` runs it, with a client that may read and order. */
export async function startGuarded(settings: Record<string, string> = {}): Promise<Guarded> {
  const upstream = await startUpstream();
  const databaseUrl = await freshDatabase();
  const { key } = await createKeyFor(databaseUrl);
  const service = await startService({
    DATABASE_URL: databaseUrl,
    GROK_API_KEY: apiKey,
    GROK_API_BASE_URL: upstream.url,
    ...noSpendingLimits,
    ...settings,
  });
  const usual = { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'application/json' };
  const send: Guarded['send'] = (body, headers = {}) => {
    const text = body.constructor === Object ? JSON.stringify(body) : (body as BodyInit);
    return fetch(service.url, { method: 'POST', headers: { ...usual, ...headers }, body: text });
  };
  return { ...service, key, databaseUrl, upstream, send };
}

/** The memory that a process takes, in MiB; null where the system does not say. */
export function memoryOf({ process: { pid } }: ServiceProcess): number | null {
  const file = `/proc/${pid}/status`;
  return existsSync(file) ? Number(/VmRSS:\s+(\d+)/.exec(readFileSync(file, 'utf8'))?.[1]) / 1024 : null;
}

/** A raw connection, for bytes that no HTTP client would send. */
export interface Line {
  readonly socket: Socket;
  /** All that came back so far. */
  heard(): string;
  /** Resolves when the service has closed the connection, or after so long: whether it did. */
  closedWithin(ms: number): Promise<boolean>;
}

export async function callUp(url: string, text = ''): Promise<Line> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let heard = '';
  socket.on('data', (part) => {
    heard += part.toString('latin1');
  });
  // A reset is a way of closing.
  socket.on('error', () => {});
  const closed = new Promise<true>((resolve) => socket.once('close', () => resolve(true)));
  await once(socket, 'connect');
  if (text) socket.write(text);
  return {
    socket,
    heard: () => heard,
    closedWithin(ms) {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const patience = setTimeout(() => resolve(false), ms);
      void closed.then(resolve);
      return promise.finally(() => clearTimeout(patience));
    },
  };
}

/** A whole POST of a document with the key. */
export function postOf({ key }: Guarded, body: object, headers: Record<string, string> = {}): string {
  const text = JSON.stringify(body);
  const all = { authorization: `Bearer ${key}`, 'content-length': Buffer.byteLength(text), ...headers };
  return headOf(all) + text;
}

export const orderBody = { query: submitDocument, variables: { input: anOrder } };
export const whoami = { query: '{ videoClient { name } }' };

export const subscriptionTo = (id: string, fields = 'status') => ({
  query: `subscription { videoTaskUpdated(id: "${id}") { ${fields} } }`,
});

/** Orders a video; its task's id. */
export async function submit(service: Guarded, prompt = 'A paper boat'): Promise<string> {
  const answer = await service.send({ ...orderBody, variables: { input: { grokVideo3: { prompt } } } });
  return (await answer.json()).data.submitVideo.task.id;
}

/** The statuses of the answers that came back on a connection. */
export const statusesIn = ({ heard }: Line): string[] => heard().match(/(?<=HTTP\/1\.1 )\d+/g) ?? [];

/** The service runs, answers, and has logged no error. */
export async function expectAlive(service: Guarded): Promise<void> {
  expect((await service.send(whoami)).status).toBe(200);
  expect(service.process.exitCode ?? service.process.signalCode).toBeNull();
  expect(service.log()).not.toMatch(/"level":[56]0/);
}

/** The head of a POST to the service. */
export const headOf = (headers: Record<string, string | number>): string => {
  const all = { host: 'localhost', 'content-type': 'application/json', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /graphql HTTP/1.1\r\n${lines.join('')}\r\n`;
};
