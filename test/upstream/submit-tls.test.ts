import { once } from 'node:events';
import { createServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import { createUpstreamClient } from '../../src/upstream/rest-client.ts';
import { selfSigned } from '../support/certificate.ts';
import { apiKey, startUpstream } from '../support/upstream.ts';

const order = { ...requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' }), imageUrls: [] };

const submitTo = (baseUrl: string) =>
  createUpstreamClient({ baseUrl, apiKey, submitTimeoutMs: 5_000, checkTimeoutMs: 5_000 }).submit(
    order,
    new AbortController().signal,
  );

async function listening(server: Server): Promise<string> {
  server.listen(0, 'localhost');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

/** This process trusts the certificate until the test ends. */
function trust(cert: string): void {
  const before = getCACertificates('default');
  setDefaultCACertificates([cert]);
  onTestFinished(() => setDefaultCACertificates(before));
}

test('an order is never sent to a server with an untrusted certificate', async () => {
  let requests = 0;
  const url = await listening(createServer(selfSigned(), () => requests++));
  expect(await submitTo(url)).toMatchObject({ kind: 'NEVER_SENT', message: expect.stringContaining('SELF_SIGNED') });
  expect(requests).toBe(0);
});

test('an order is never sent to a server that does not speak TLS', async () => {
  const upstream = await startUpstream();
  expect(await submitTo(upstream.url.replace('http:', 'https:'))).toMatchObject({ kind: 'NEVER_SENT' });
  expect(upstream.keys).toEqual([]);
});

test('an order over TLS that is answered is accepted', async () => {
  const certificate = selfSigned();
  trust(certificate.cert);
  const url = await listening(createServer(certificate, (_, response) => response.end('{"id":"video_1"}')));
  expect(await submitTo(url)).toMatchObject({ kind: 'ACCEPTED', upstreamId: 'video_1' });
});

test('TLS that turns into plain text after the order was read leaves open whether it was accepted', async () => {
  const certificate = selfSigned();
  trust(certificate.cert);
  let requests = 0;
  const clients: Socket[] = [];
  const url = await listening(
    createServer(certificate, (request) => {
      requests++;
      request.resume().on('end', () => clients.at(-1)?.write('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n'));
    }),
  );
  // As from a middlebox that breaks into an encrypted connection.
  const relay = createTcpServer((client) => {
    clients.push(client);
    const server = connect(Number(new URL(url).port), 'localhost');
    server.pipe(client).pipe(server);
    for (const socket of [client, server]) socket.on('error', () => server.destroy());
  });
  expect(await submitTo(await listening(relay))).toMatchObject({ kind: 'ANSWER_LOST' });
  expect(requests).toBe(1);
});
