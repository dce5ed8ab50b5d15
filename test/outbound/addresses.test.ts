import { expect, test } from 'vitest';
import { createOutboundClient } from '../../src/outbound/guarded-client.ts';
import { closedPort } from '../support/closed-port.ts';
import { says, startForeign } from '../support/foreign-server.ts';
import { readBody, startClient } from '../support/outbound.ts';

const refused = { kind: 'ADDRESS_REFUSED' };

/** A server that no request may reach. */
const startTrap = () => startForeign(says('the trap'), '127.0.0.1');

test.each([
  '127.0.0.1',
  '127.1',
  '2130706433',
  '017700000001',
  '0x7f000001',
  '0x7f.0.0.1',
  '0177.0.0.01',
  '127.0.0.1.',
  '127。0。0。1',
  '①②⑦.0.0.1',
  '%31%32%37.0.0.1',
  '0',
  '0.0.0.0',
  '[::]',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:7f00:0001]',
  '[::127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[2002:7f00:1::]',
  'localhost',
  'LocalHost.',
  'a.localhost',
])('a connection is never made to this machine when it is called %s', async (host) => {
  const trap = await startTrap();
  const { call, lookUps } = await startClient([]);
  expect(await call(`http://${host}:${trap.port}/`)).toMatchObject(refused);
  expect([trap.connections(), lookUps]).toEqual([0, []]);
});

test.each([
  ['a scheme that is not http', 'file:///etc/passwd'],
  ['a scheme with a host', 'ftp://127.0.0.2/'],
  ['a data URI', 'data:text/plain,x'],
  ['user info', 'http://user:password@127.0.0.2:PORT/'],
  ['a user name', 'http://user@127.0.0.2:PORT/'],
  ['no scheme', '127.0.0.2:PORT/'],
  ['nothing', ''],
  ['too many characters', `http://127.0.0.2:PORT/${'x'.repeat(8_000)}`],
])('a URL with %s is refused, even of a host that is listed', async (_, url) => {
  const server = await startForeign(says('a video'));
  const { call } = await startClient([`127.0.0.2:${server.port}`]);
  expect(await call(url.replace('PORT', String(server.port)))).toMatchObject(refused);
  expect(server.connections()).toBe(0);
});

test.each([1, 22, 25, 1023])('port %d of a public host is refused before its name is looked up', async (port) => {
  const { call, lookUps } = await startClient([]);
  expect(await call(`http://videos.example.com:${port}/`)).toMatchObject(refused);
  expect(lookUps).toEqual([]);
});

test.each([
  ['this machine', ['127.0.0.1', '::1']],
  ['a private network', ['10.0.0.1', '192.168.0.1', '172.16.0.1', 'fd00::1']],
  ['the metadata of a cloud', ['169.254.169.254', '168.63.129.16', 'fd00:ec2::254']],
  ['IPv6 addresses with a private IPv4 address in them', ['64:ff9b::a00:1', '2002:a00:1::', '2001::a00:1']],
  ['no address', []],
])('a name that leads to %s is refused', async (_, addresses) => {
  const trap = await startTrap();
  const { call } = await startClient([], () => addresses);
  expect(await call(`http://videos.example.com:${trap.port}/`)).toMatchObject(refused);
  expect(trap.connections()).toBe(0);
});

test('an address of this machine is refused although it is public', async () => {
  const own = ['93.184.216.34', '2606:2800:220:1::1'];
  const { call } = await startClient(
    [],
    () => own,
    () => own,
  );
  const hosts = ['videos.example.com', '93.184.216.34', '[2606:2800:220:1:0:0:0:1]'];
  const outcomes = await Promise.all(hosts.map((host) => call(`http://${host}:8080/`)));
  expect(outcomes).toMatchObject([refused, refused, refused]);
});

test('the answer is the same for an open port, a closed one, and a name that does not exist', async () => {
  const trap = await startTrap();
  const { call } = await startClient([], (name) => (name.startsWith('db.') ? ['127.0.0.1'] : 'NXDOMAIN'));
  const closed = await closedPort();
  const outcomes = await Promise.all([
    call(`http://db.example.com:${trap.port}/`),
    call(`http://db.example.com:${closed}/`),
    call(`http://no.example.com:${trap.port}/`),
  ]);
  const said = outcomes.map(({ message, ...rest }) => ({ ...rest, message: message?.replace(/\S+\.com:\d+/, 'HOST') }));
  expect(said).toEqual([said[0], said[0], said[0]]);
  expect(said[0]).toMatchObject(refused);
  const [open, shut] = await Promise.all([trap.port, closed].map((port) => call(`http://127.0.0.1:${port}/`)));
  expect(open?.message?.replace(/:\d+/, '')).toBe(shut?.message?.replace(/:\d+/, ''));
  expect(trap.connections()).toBe(0);
});

test('a name that leads elsewhere at the second look is called at the address of the first, then refused', async () => {
  const server = await startForeign(says('a video'));
  // An address of its own, where no other test has taken the port.
  const trap = await startForeign(says('the trap'), '127.0.0.9', server.port);
  const rebinding = (_: string, lookUp: number) => [lookUp === 1 ? '127.0.0.2' : '127.0.0.9'];
  const { call, lookUps } = await startClient([`127.0.0.2:${server.port}`], rebinding);
  const url = `http://videos.example.com:${server.port}/1.mp4`;
  expect(await call(url)).toEqual({ status: 200, text: 'a video' });
  expect(lookUps).toEqual(['videos.example.com']);
  expect(await call(url)).toMatchObject(refused);
  expect(trap.connections()).toBe(0);
});

test('of the addresses of a name, those that are refused are not tried after those that are allowed', async () => {
  const trap = await startTrap();
  const { call } = await startClient([`127.0.0.2:${trap.port}`], () => ['127.0.0.2', '127.0.0.1', '10.0.0.1']);
  expect(await call(`http://videos.example.com:${trap.port}/`)).toMatchObject({ kind: 'UNREACHABLE' });
  expect(trap.connections()).toBe(0);
});

test('the next address of a name is tried where the first one does not connect', async () => {
  const server = await startForeign(says('a video'), '127.0.0.3');
  const listed = ['127.0.0.2', '127.0.0.3'].map((host) => `${host}:${server.port}`);
  const { call } = await startClient(listed, () => ['127.0.0.2', '127.0.0.3']);
  expect(await call(`http://videos.example.com:${server.port}/`)).toMatchObject({ text: 'a video' });
});

test('a listed name is called at every address that it leads to, and keeps its Host header', async () => {
  const server = await startForeign(says('a video'));
  const { call } = await startClient([`Videos.INTERNAL:${server.port}`], () => ['127.0.0.2']);
  expect(await call(`http://videos.internal:${server.port}/1.mp4?a=1#b`)).toMatchObject({ text: 'a video' });
  expect(server.requests[0]).toMatch(/^GET \/1\.mp4\?a=1 HTTP\/1\.1\r\n/);
  expect(server.requests[0]).toContain(`\r\nHost: videos.internal:${server.port}\r\n`);
});

test('a listed name is looked up by the system, which knows more than the DNS', async () => {
  const server = await startForeign(says('a video'), 'localhost');
  const host = `localhost:${server.port}`;
  const client = createOutboundClient({ privateHosts: [host] });
  const limits = { timeoutMs: 20_000, idleMs: 20_000, deadlineMs: 40_000, maxBytes: 100 };
  expect(await readBody(await client.request(`http://${host}/`, limits))).toBe('a video');
});

test('an entry of the list stands for its host and its port, and for no other', async () => {
  const server = await startForeign(says('a video'));
  const { port } = server;
  const { call } = await startClient(
    ['127.0.0.2:1', `127.0.0.3:${port}`, 'videos.internal:1', `a.internal:${port}`],
    () => ['127.0.0.2'],
  );
  const hosts = ['127.0.0.2', 'videos.internal', 'a.internal.', 'b.a.internal', 'videos.example.com'];
  for (const host of hosts) expect.soft(await call(`http://${host}:${port}/`), host).toMatchObject(refused);
  expect(server.connections()).toBe(0);
});

test.each([
  ['127.0.0.2', 'http://0x7f.2:PORT/'],
  ['0x7f.2', 'http://127.0.0.2:PORT/'],
])('an entry %s of the list also allows %s, because both are one address', async (host, url) => {
  const server = await startForeign(says('a video'));
  const { call } = await startClient([`${host}:${server.port}`]);
  expect(await call(url.replace('PORT', String(server.port)))).toMatchObject({ text: 'a video' });
});

test('IPv6 addresses are listed in brackets, and match in every spelling', async () => {
  const server = await startForeign(says('a video'), '::1');
  const { call } = await startClient([`[0:0::1]:${server.port}`], () => ['::1']);
  for (const host of ['[::1]', '[0:0:0:0:0:0:0:1]', 'videos.example.com']) {
    expect.soft(await call(`http://${host}:${server.port}/`), host).toMatchObject({ text: 'a video' });
  }
});

test('a name server that fails is an outage, not a refusal', async () => {
  const { call } = await startClient([], () => 'SERVFAIL');
  expect(await call('https://videos.example.com/1.mp4')).toMatchObject({
    kind: 'UNREACHABLE',
    message: 'The name videos.example.com could not be looked up (ESERVFAIL).',
  });
});
