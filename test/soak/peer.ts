import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from './random.ts';
import { pieces, type Sender } from './requests.ts';

/** How what a peer sends is given to the network. */
const deliveries: Record<string, (socket: Socket, bytes: Buffer, random: Random) => Promise<void>> = {
  async 'at once'(socket, bytes) {
    socket.write(bytes);
  },
  async 'in two parts'(socket, bytes, random) {
    const cut = random.below(bytes.length);
    socket.write(bytes.subarray(0, cut));
    await delay(random.below(50));
    socket.write(bytes.subarray(cut));
  },
  async 'cut off'(socket, bytes, random) {
    socket.write(bytes.subarray(0, random.below(bytes.length)));
  },
  async slowly(socket, bytes, random) {
    const size = 1 + Math.floor(bytes.length / 50);
    for (let sent = 0; sent < bytes.length && socket.writable; sent += size) {
      socket.write(bytes.subarray(sent, sent + size));
      await delay(random.below(30));
    }
  },
};

/** What the peer does with the answer. */
const readings: Record<string, (socket: Socket, random: Random) => void> = {
  'reads all': () => {},
  'reads nothing': (socket) => void socket.pause(),
  'stops reading': (socket, random) => {
    setTimeout(() => socket.pause(), random.below(500));
  },
};

const closing: Record<string, (socket: Socket) => void> = {
  FIN: (socket) => void socket.end(),
  RST: (socket) => void socket.resetAndDestroy(),
};

const ends: typeof closing = {
  ...closing,
  'FIN, and nothing is read': (socket) => void socket.pause().end(),
  'until it is hung up on': () => {},
};

const keysOf = (table: object) => Object.keys(table) as [string, ...string[]];
const [pieceNames, deliveryNames, readingNames, endNames] = [pieces, deliveries, readings, ends].map(keysOf) as [
  [string, ...string[]],
  [string, ...string[]],
  [string, ...string[]],
  [string, ...string[]],
];

/** What one connection does, in words. */
export interface Manners {
  readonly said: readonly string[];
  readonly delivery: string;
  readonly reading: string;
  readonly end: string;
  readonly staysMs: number;
}

/** What one peer always does, because random peers seldom stay for several pings. */
export const patientManners: Manners = {
  said: ['watch tasks that end behind one that does not', 'a large answer', 'order'],
  delivery: 'at once',
  reading: 'reads nothing',
  end: 'RST',
  staysMs: 4_000,
};

export function mannersFrom(random: Random): Manners {
  const count = random.below(3) === 0 ? 1 + random.below(45) : 1 + random.below(4);
  const only = random.below(3) === 0 ? random.oneOf(pieceNames) : null;
  return {
    said: Array.from({ length: count }, () => only ?? random.oneOf(pieceNames)),
    delivery: random.oneOf(deliveryNames),
    reading: random.oneOf(readingNames),
    end: random.oneOf(endNames),
    staysMs: random.below(6) === 0 ? 1_000 + random.below(1_000) : random.below(300),
  };
}

/** By when the service, however busy, has closed a connection whose client has left. */
const longestMs = 30_000;
/** How long others stay: some until the service has dropped them, because nothing moves. */
const stays = [1_000, 1_000, 1_000, 7_000] as const;
/** Enough of an answer to see to which request it belongs. */
const maxHeard = 1024 * 1024;

let connections = 0;

/** Runs one connection with this behaviour; returns what was wrong with the answers, if anything. */
export async function runPeer(url: string, sender: Sender, manners: Manners, random: Random): Promise<string | null> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  let heard = '';
  socket.on('data', (part) => {
    if (heard.length < maxHeard) heard += part.toString('latin1');
  });
  await Promise.race([once(socket, 'connect').catch(() => {}), closed]);
  connections += 1;
  const ids = manners.said.map((_, index) => `c${connections}.${index}.`);
  const texts = manners.said.map((name, index) => pieces[name]?.(sender, `r${ids[index]}`) ?? '');
  const said = texts.map((text, index) => text.replace(/\r\n(?=host)/, `\r\nx-request-id: ${ids[index]}\r\n`));
  readings[manners.reading]?.(socket, random);
  await deliveries[manners.delivery]?.(socket, Buffer.from(said.join(''), 'latin1'), random);
  await Promise.race([closed, delay(manners.staysMs)]);
  ends[manners.end]?.(socket);
  // A peer that does not read does not see the end, and its connection would stay.
  const seesEnd = manners.end in closing && manners.reading === 'reads all';
  await Promise.race([closed, delay(seesEnd ? longestMs : random.oneOf(stays))]);
  const stuck = seesEnd && !socket.destroyed;
  socket.destroy();
  if (stuck) return 'its connection was never closed';
  const order = [...heard.matchAll(/x-request-id: (c\d+\.\d+\.)/g)].map(([, id = '']) => ids.indexOf(id));
  return order.every((index, place) => index > (order[place - 1] ?? -1)) ? null : `answers in the order ${order}`;
}
