import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { startDnsServer } from '../support/dns-server.ts';
import { mp4Head } from '../support/video-host.ts';
import { type Way, type WayName, wayNames, ways } from './ways.ts';

/** The vendor in front of which the service stores: the API, the host of the videos, and the trap. */
export interface Vendor {
  readonly apiUrl: string;
  /** The address of the video host with its port, the only one that may be called. */
  readonly host: string;
  readonly nameServer: string;
  /** The prompts of all orders that came, each as often as it came. */
  readonly submits: readonly string[];
  /** How many requests for videos have come, when the last one did, and how many are under way. */
  readonly asked: { count: number; lastAt: number; underWay: number };
  /** What has come to 127.0.0.1 at the port of the video host. */
  readonly trapped: readonly string[];
  videoOf(index: number): Buffer;
  close(): Promise<void>;
}

export const promptOf = (index: number): string => `A paper boat, number ${index}`;
export const indexIn = (prompt: string): number => Number(/\d+$/.exec(prompt)?.[0]);
export const wayNameOf = (index: number): WayName => wayNames[index % wayNames.length] ?? 'whole';

/** What stands in each link, and must not be in the log or in a message. */
export const linkSecret = 'signature-4b7e1c';

const smallBytes = 20_000;
const largeBytes = 3_000_000;

/** A file that begins like an MP4, the same at each call. One in twenty is large. */
function videoOf(index: number): Buffer {
  const key = createHash('md5').update(promptOf(index)).digest();
  const size = index % 20 === 7 ? largeBytes : smallBytes + key.readUInt16BE() * 4;
  const rest = createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
  return Buffer.concat([mp4Head, rest]);
}

async function listening(server: Server, port: number, host: string): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** The API: accepts each order, and has its video finished at the first check. */
function api(submits: string[], linkOf: (index: number) => string): RequestListener {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const send = (body: object) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.method === 'POST') {
      const { prompt } = JSON.parse(await text(request));
      submits.push(prompt);
      send({ id: `video_${indexIn(prompt)}`, object: 'video', status: 'queued', error: null });
      return;
    }
    const id = request.url?.split('/').at(-1) ?? '';
    send({ id, object: 'video', status: 'completed', video_url: linkOf(indexIn(id)), actualDuration: 6 });
  };
  return (request, response) => void answer(request, response);
}

/** The video host: `/<index>.mp4` is served in its way, `/whole/<index>.mp4` as a whole. */
function videoHost(asked: Vendor['asked'], address: () => { host: string; trap: string }): RequestListener {
  const attempts = new Map<number, number>();
  return (request, response) => {
    asked.count += 1;
    asked.lastAt = Date.now();
    asked.underWay += 1;
    response.once('close', () => {
      asked.underWay -= 1;
    });
    const [, isWhole, digits] = /^\/(whole\/)?(\d+)\.mp4/.exec(request.url ?? '') ?? [];
    const index = Number(digits);
    const attempt = (attempts.get(index) ?? 0) + (request.headers.range ? 0 : 1);
    attempts.set(index, attempt);
    const { host, trap } = address();
    const urls = { wholeUrl: `http://${host}/whole/${index}.mp4`, trapUrl: `http://${trap}/${index}.mp4` };
    const way: Way = ways[isWhole ? 'whole' : wayNameOf(index)];
    way.serve({ video: videoOf(index), attempt, ...urls })(request, response);
  };
}

export async function startVendor(): Promise<Vendor> {
  const submits: string[] = [];
  const trapped: string[] = [];
  const asked = { count: 0, lastAt: 0, underWay: 0 };
  const address = { host: '', trap: '' };
  const dns = await startDnsServer((name, lookUp) =>
    name.endsWith('.videos.example.com') ? [lookUp % 2 === 1 ? '127.0.0.2' : '127.0.0.1'] : 'NXDOMAIN',
  );
  const videos = createServer(videoHost(asked, () => address));
  const trap = createServer((request, response) => {
    trapped.push(`${request.method} ${request.url}`);
    response.end(mp4Head);
  });
  trap.on('connection', ({ remotePort }) => trapped.push(`a connection from port ${remotePort}`));
  const port = await listening(trap, 0, '127.0.0.1');
  await listening(videos, port, '127.0.0.2');
  Object.assign(address, { host: `127.0.0.2:${port}`, trap: `127.0.0.1:${port}` });
  const linkOf = (index: number) => {
    const way: Way = ways[wayNameOf(index)];
    return `http://${way.rebinds ? `v${index}.videos.example.com:${port}` : address.host}/${index}.mp4?${linkSecret}`;
  };
  const service = createServer(api(submits, linkOf));
  const apiPort = await listening(service, 0, '127.0.0.1');
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  return {
    ...{ apiUrl, host: address.host, nameServer: dns.server, submits, trapped, asked, videoOf },
    async close() {
      dns.close();
      for (const server of [videos, trap, service]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}
