import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Zone } from '../support/dns-server.ts';
import { answerText, type ForeignAnswer, redirectsTo, sends, startForeign } from '../support/foreign-server.ts';
import { failureOf, type Options, readBody, startClient } from '../support/outbound.ts';

const noAnswer: Zone = () => null;
const silent: ForeignAnswer = () => {};
const unfinished = answerText(200, { 'content-length': 100 }, 'a');

/** Sends a byte every few milliseconds, for ever. */
const drips =
  (head: string, byte = 'x'): ForeignAnswer =>
  (socket) => {
    socket.write(head);
    const timer = setInterval(() => socket.write(byte), 10);
    socket.on('close', () => clearInterval(timer));
  };

interface Stage {
  readonly answer: ForeignAnswer;
  readonly zone?: Zone;
  readonly scheme?: string;
  /** What ends the request; the other limits are far away. */
  readonly limit: Options;
}

const stages: Readonly<Record<string, Stage>> = {
  'the look-up of the name': { answer: silent, zone: noAnswer, limit: { timeoutMs: 100 } },
  'the greeting of TLS': { answer: silent, scheme: 'https', limit: { timeoutMs: 100 } },
  'the answer': { answer: silent, limit: { timeoutMs: 100 } },
  'the headers, byte by byte': { answer: drips('HTTP/1.1 200 OK\r\nx: '), limit: { timeoutMs: 200 } },
  '1xx answers without end': { answer: drips('', answerText(103)), limit: { timeoutMs: 200 } },
  'the answer after a redirect': {
    answer: (socket, request) => (request.startsWith('GET /1 ') ? redirectsTo('/2')(socket, request) : undefined),
    limit: { timeoutMs: 300 },
  },
  'more of the body': { answer: (socket) => void socket.write(unfinished), limit: { idleMs: 100 } },
  'the end of the body, byte by byte': {
    answer: drips(answerText(200, { 'content-length': 100_000 })),
    limit: { deadlineMs: 300 },
  },
};

async function startStage({ answer, zone = () => ['127.0.0.2'], scheme = 'http' }: Stage) {
  const server = await startForeign(answer);
  const { request, call } = await startClient([`127.0.0.2:${server.port}`], zone);
  const url = `${scheme}://videos.example.com:${server.port}/1`;
  return {
    server,
    call: (options: Options) => call(url, options),
    request: (options: Options) => request(url, options),
  };
}

test.each(Object.entries(stages))('a request that waits for %s ends at its limit', async (_, stage) => {
  const { server, call } = await startStage(stage);
  expect(await call(stage.limit)).toMatchObject({ kind: 'TIMEOUT' });
  await expect.poll(server.open).toBe(0);
});

test.each(Object.entries(stages))('a request that waits for %s ends when its caller aborts', async (_, stage) => {
  const { server, call } = await startStage(stage);
  const aborting = new AbortController();
  const reason = new Error('The service stops.');
  void setTimeout(200).then(() => aborting.abort(reason));
  await expect(call({ signal: aborting.signal })).rejects.toBe(reason);
  await expect.poll(server.open).toBe(0);
});

test('a request whose caller has aborted before is not sent', async () => {
  const server = await startForeign(silent);
  const { call, lookUps } = await startClient([`127.0.0.2:${server.port}`]);
  const signal = AbortSignal.abort('no more');
  await expect(call(`http://127.0.0.2:${server.port}/`, { signal })).rejects.toBe('no more');
  await expect(call(`http://videos.example.com:${server.port}/`, { signal })).rejects.toBe('no more');
  expect([server.connections(), lookUps]).toEqual([0, []]);
});

const unread: Options = { idleMs: 100 };

test('an answer whose body is not read ends after the time that is allowed between its parts', async () => {
  const { server, request } = await startStage({ answer: (socket) => void socket.write(unfinished), limit: unread });
  const response = await request(unread);
  await expect.poll(server.open).toBe(0);
  const failure = failureOf(await readBody(response).catch((error: unknown) => error));
  expect(failure).toMatchObject({ kind: 'TIMEOUT' });
});

test('a reader that takes its time is not taken for a sender that stopped', async () => {
  const sizeBytes = 3_000_000;
  const answer = sends(answerText(200, { 'content-length': sizeBytes }), 'x'.repeat(sizeBytes));
  const { request } = await startStage({ answer, limit: unread });
  let receivedBytes = 0;
  for await (const part of (await request(unread)).body) {
    if (receivedBytes === 0) await setTimeout(300);
    receivedBytes += part.byteLength;
  }
  expect(receivedBytes).toBe(sizeBytes);
});

test('a reader that stops in the middle ends the request, as does cancelling it', async () => {
  const { server, request } = await startStage({ answer: (socket) => void socket.write(unfinished), limit: {} });
  for await (const _part of (await request({})).body) break;
  await expect.poll(server.open).toBe(0);
  const response = await request({});
  response.cancel();
  response.cancel();
  await expect.poll(server.open).toBe(0);
  await expect(readBody(response)).rejects.toThrow('aborted');
});
