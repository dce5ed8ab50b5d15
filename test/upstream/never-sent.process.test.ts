import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import { createUpstreamClient } from '../../src/upstream/rest-client.ts';
import { apiKey } from '../support/upstream.ts';

const order = { ...requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' }), imageUrls: [] };

const submitTo = (baseUrl: string) =>
  createUpstreamClient({ baseUrl, apiKey, submitTimeoutMs: 1_000, checkTimeoutMs: 1_000 }).submit(
    order,
    new AbortController().signal,
  );

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A peer that treats a connection like this once it has received something. */
const peer = (answer: (socket: Socket) => void) =>
  portOf(createServer((socket) => socket.on('error', () => {}).once('data', () => answer(socket))));

/** A fatal alert of TLS: `handshake_failure`. */
const alert = Buffer.from('15030300020228', 'hex');

test.each<[string, (socket: Socket) => void]>([
  ['resets the connection in the handshake', (socket) => socket.resetAndDestroy()],
  ['ends it in the handshake', (socket) => socket.end()],
  ['refuses the handshake', (socket) => socket.end(alert)],
  ['never answers the handshake', () => {}],
  ['speaks another protocol', (socket) => socket.end('SSH-2.0-x\r\n')],
])('an order to a TLS peer that %s was never sent', async (_, answer) => {
  expect(await submitTo(`https://127.0.0.1:${await peer(answer)}`)).toMatchObject({ kind: 'NEVER_SENT' });
});

test.each<[string, (socket: Socket) => void]>([
  ['resets the connection', (socket) => socket.resetAndDestroy()],
  ['ends it', (socket) => socket.end()],
  ['never answers', () => {}],
  ['speaks another protocol', (socket) => socket.end('SSH-2.0-x\r\n')],
])('an order that has begun to be sent to a peer that %s may have arrived', async (_, answer) => {
  expect(await submitTo(`http://127.0.0.1:${await peer(answer)}`)).toMatchObject({ kind: 'ANSWER_LOST' });
});

test('an order over a connection that was used before may have arrived where it is reset', async () => {
  let requests = 0;
  const port = await portOf(
    createHttpServer((request, response) => {
      requests += 1;
      if (requests > 1) request.socket.resetAndDestroy();
      else request.resume().on('end', () => response.end('{"id":"video_1"}'));
    }),
  );
  expect(await submitTo(`http://127.0.0.1:${port}`)).toMatchObject({ kind: 'ACCEPTED' });
  expect(await submitTo(`http://127.0.0.1:${port}`)).toMatchObject({ kind: 'ANSWER_LOST' });
});

const script = `
  import { createUpstreamClient } from './src/upstream/rest-client.ts';
  import { requestSchemas } from './src/catalogue/video-request.ts';
  const settings = { apiKey: 'sk-1234567890', submitTimeoutMs: 1000, checkTimeoutMs: 1000 };
  const order = { ...requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' }), imageUrls: [] };
  for (const baseUrl of ['https://upstream.example.com', 'http://upstream.example.com']) {
    const reply = await createUpstreamClient({ ...settings, baseUrl }).submit(order, new AbortController().signal);
    console.log(reply.kind);
  }
  process.exit();
`;

test.each<[string, string]>([
  ['answers 403', 'HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n'],
  ['answers 407', 'HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n'],
  ['answers 502', 'HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nbad'],
  ['answers with garbage', 'SSH-2.0-x\r\n'],
  ['answers nothing', ''],
])(
  'an order behind a forward proxy that %s to CONNECT was never sent',
  async (_, answer) => {
    let heard = '';
    const port = await peer((socket) => socket.end(answer));
    const proxy = `http://127.0.0.1:${port}`;
    const env = { ...process.env, NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: proxy, HTTP_PROXY: proxy, NO_PROXY: '' };
    const args = ['--input-type=module', '--eval', script];
    ({ stdout: heard } = await promisify(execFile)(process.execPath, args, { env }));
    expect(heard.trim().split('\n')).toEqual(['NEVER_SENT', 'NEVER_SENT']);
  },
  30_000,
);
