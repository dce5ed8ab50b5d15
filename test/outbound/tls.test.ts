import { once } from 'node:events';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { selfSigned } from '../support/certificate.ts';
import { redirectsTo, startForeign } from '../support/foreign-server.ts';
import { startClient } from '../support/outbound.ts';

const certificate = selfSigned();

/** This process trusts the certificate, which is for the name localhost, until the test ends. */
function trust(): void {
  const before = getCACertificates('default');
  setDefaultCACertificates([certificate.cert]);
  onTestFinished(() => setDefaultCACertificates(before));
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.2');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function startSecure(location?: string) {
  const names: (string | false | null)[] = [];
  const server = createServer(certificate, (request, response) => {
    names.push((request.socket as TLSSocket & { servername?: string | false }).servername ?? null);
    if (location === undefined) response.end('a video');
    else response.writeHead(302, { location }).end();
  });
  return { port: await listening(server), names };
}

afterEach(() => vi.unstubAllEnvs());

test('a certificate is checked for the name of the URL, which the server is told', async () => {
  trust();
  const { port, names } = await startSecure();
  const { call } = await startClient([`localhost:${port}`, `127.0.0.2:${port}`], () => ['127.0.0.2']);
  expect(await call(`https://localhost:${port}/`)).toEqual({ status: 200, text: 'a video' });
  expect(names).toEqual(['localhost']);
  for (const host of ['videos.example.com', '127.0.0.2']) {
    expect(await call(`https://${host}:${port}/`)).toMatchObject({
      kind: 'UNREACHABLE',
      message: `The host ${host}:${port} cannot be reached (ERR_TLS_CERT_ALTNAME_INVALID).`,
    });
  }
  expect(names).toEqual(['localhost']);
});

test('a certificate that is not trusted is refused, even where Node is told to accept it', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  const { port, names } = await startSecure();
  const { call } = await startClient([`localhost:${port}`], () => ['127.0.0.2']);
  expect(await call(`https://localhost:${port}/`)).toMatchObject({
    kind: 'UNREACHABLE',
    message: expect.stringContaining('SELF_SIGNED'),
  });
  expect(names).toEqual([]);
});

test('a server that does not speak TLS cannot be reached over https', async () => {
  const server = createTcpServer((socket) => void socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const port = await listening(server);
  const { call } = await startClient([`127.0.0.2:${port}`]);
  expect(await call(`https://127.0.0.2:${port}/`)).toMatchObject({ kind: 'UNREACHABLE' });
});

test('a redirect may lead from http to https, and never back', async () => {
  trust();
  const plain = await startForeign(redirectsTo('/never'));
  const back = await startSecure(`http://127.0.0.2:${plain.port}/`);
  const secure = await startSecure();
  const there = await startForeign(redirectsTo(`https://localhost:${secure.port}/`));
  const listed = [
    `127.0.0.2:${plain.port}`,
    `127.0.0.2:${there.port}`,
    `localhost:${back.port}`,
    `localhost:${secure.port}`,
  ];
  const { call } = await startClient(listed, () => ['127.0.0.2']);
  expect(await call(`http://127.0.0.2:${there.port}/`)).toMatchObject({ text: 'a video' });
  expect(await call(`https://localhost:${back.port}/`)).toMatchObject({ kind: 'REDIRECTS', status: 302 });
  expect(plain.connections()).toBe(0);
});
