import { promptOf } from '../faults/upstream.ts';

/** The sender of a request, and the tasks it may ask for. */
export interface Sender {
  readonly key: string;
  /** A task that does not end while the soak lasts. */
  readonly openId: string;
  /** One that has ended. */
  readonly endedId: string;
}

/** How often the answer to a large request holds a prompt of 10,000 characters. */
export const largeAliases = 120;

export const readDocument = 'query ($id: ID!) { videoTask(id: $id) { id status prompt } }';
export const watchDocument = 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { id status } }';
export const submitDocument =
  'mutation ($input: SubmitVideoInput!, $key: String) { submitVideo(input: $input, idempotencyKey: $key) { replayed task { id status prompt } } }';

const prompts = Array.from({ length: largeAliases }, (_, index) => `p${index}: prompt`).join(' ');

interface Post {
  readonly query: string;
  readonly variables?: object;
}

function post({ key }: Sender, body: Post, headers: Record<string, string | number> = {}): string {
  const text = JSON.stringify(body);
  const all = {
    host: 'localhost',
    'content-type': 'application/json',
    authorization: `Bearer ${key}`,
    'content-length': Buffer.byteLength(text),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /graphql HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
}

const stream = { accept: 'text/event-stream' };

const read = (sender: Sender, headers = {}) =>
  post(sender, { query: readDocument, variables: { id: sender.endedId } }, headers);
const watch = (sender: Sender, id: string) => post(sender, { query: watchDocument, variables: { id } }, stream);
const order = (sender: Sender, marker: string, headers = {}) =>
  post(sender, { query: submitDocument, variables: { input: { grokVideo3: { prompt: promptOf(marker) } } } }, headers);
const get = (more: string) => `GET /health HTTP/1.1\r\nhost: localhost\r\n${more}\r\n`;

/** The same request with its body in chunks, the first of which is said to have this size. */
function chunked(request: string, size?: string): string {
  const [head = '', body = ''] = request.split('\r\n\r\n');
  const framing = head.replace(/content-length: \d+/, 'transfer-encoding: chunked');
  return `${framing}\r\n\r\n${size ?? body.length.toString(16)};name=value\r\n${body}\r\n0\r\ntrailer: x\r\n\r\n`;
}

const withLength = (request: string, more: number) =>
  request.replace(/content-length: (\d+)/, (_, length) => `content-length: ${Number(length) + more}`);

/** What a client may send as one request; an order's marker tells it from every other. */
export const pieces: Readonly<Record<string, (sender: Sender, marker: string) => string>> = {
  read,
  'read, through Yoga': (sender) => read(sender, { origin: 'http://localhost' }),
  'a large answer': (sender) =>
    post(sender, { query: `query ($id: ID!) { videoTask(id: $id) { ${prompts} } }`, variables: { id: sender.openId } }),
  'watch an open task': (sender) => watch(sender, sender.openId),
  'watch an ended task': (sender) => watch(sender, sender.endedId),
  'watch a task in large events': (sender) =>
    post(
      sender,
      {
        query: `subscription ($id: ID!) { videoTaskUpdated(id: $id) { ${prompts} } }`,
        variables: { id: sender.openId },
      },
      stream,
    ),
  'watch tasks that end behind one that does not': (sender) =>
    watch(sender, sender.openId) + watch(sender, sender.endedId).repeat(3),
  'watch nothing': (sender) => watch(sender, 'unknown'),
  order,
  'order with a key': (sender, marker) => order(sender, marker, { 'idempotency-key': marker }),
  'order in chunks': (sender, marker) => chunked(order(sender, marker)),
  'order and expect to be told to go on': (sender, marker) => order(sender, marker, { expect: '100-continue' }),
  'order and hang up': (sender, marker) => order(sender, marker, { connection: 'close' }),
  'expect the moon': (sender, marker) => order(sender, marker, { expect: 'the moon' }),
  'a body longer than its length': (sender) => withLength(read(sender), -3),
  'a body shorter than its length': (sender) => withLength(read(sender), 300),
  'a bad chunk': (sender) => chunked(read(sender), 'zz'),
  'a chunk with a long extension': (sender) => chunked(read(sender), `1;${'x'.repeat(20_000)}`),
  'two lengths': (sender) => read(sender).replace('\r\n', '\r\ncontent-length: 5\r\n'),
  'a length and chunks': (sender) => read(sender).replace('\r\n', '\r\ntransfer-encoding: chunked\r\n'),
  'no key': (sender, marker) => order({ ...sender, key: 'no' }, marker),
  'a form': (sender, marker) => order(sender, marker, { 'content-type': 'text/plain' }),
  'broken JSON': (sender) => `${read(sender).slice(0, -1)}!`,
  'a body without an end': (sender) => read(sender, { 'content-length': 10_000_000_000 }),
  'HTTP/1.0': (sender) => read(sender).replace('HTTP/1.1', 'HTTP/1.0'),
  'the absolute form': (sender) => read(sender).replace('/graphql', 'http://localhost/graphql'),
  'a request without Host': (sender) => read(sender).replace('host: localhost\r\n', ''),
  'a Host that is none': (sender) => read(sender).replace('host: localhost', 'host: [/'),
  'too many headers': () => get('name: value\r\n'.repeat(5_000)),
  'an upgrade to a WebSocket': () => get('connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: AA==\r\n'),
  'an upgrade to HTTP/2': () => get('connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n'),
  'the preface of HTTP/2': () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  CONNECT: () => 'CONNECT localhost:1 HTTP/1.1\r\nhost: localhost:1\r\n\r\n',
  TRACE: () => get('').replace('GET', 'TRACE'),
  health: () => get(''),
  ready: () => get('').replace('/health', '/ready'),
  garbage: () => '\u0000\u0001\u00ff garbage\r\n\r\n',
  'a TLS greeting': () => '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
  'line breaks': () => '\r\n\r\n',
};
