import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

/**
 * The addresses of a name at its first, second … look-up; an error code of the DNS; or null for no answer at all. A look-up
 * asks for the IPv4 and the IPv6 addresses, each in a question of its own.
 */
export type Zone = (name: string, lookUp: number) => readonly string[] | DnsError | null;

export type DnsError = 'NXDOMAIN' | 'SERVFAIL';

const codes: Readonly<Record<DnsError, number>> = { NXDOMAIN: 3, SERVFAIL: 2 };
const typeA = 1;
const typeAaaa = 28;

interface Question {
  readonly name: string;
  readonly type: number;
  /** The bytes of the question, which the answer repeats. */
  readonly bytes: Buffer;
}

function questionIn(message: Buffer): Question {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return {
    name: labels.join('.').toLowerCase(),
    type: message.readUInt16BE(at + 1),
    bytes: message.subarray(12, at + 5),
  };
}

function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [before = '', after = ''] = address.split('::');
  const groups = (text: string) => text.split(':').filter((group) => group !== '');
  const zeros = Array<string>(8 - groups(before).length - groups(after).length).fill('0');
  return Buffer.from(
    [...groups(before), ...zeros, ...groups(after)].map((group) => group.padStart(4, '0')).join(''),
    'hex',
  );
}

export interface DnsServer {
  /** Its address and port. */
  readonly server: string;
  /** The names that were looked up, in order. */
  readonly lookUps: readonly string[];
  readonly close: () => void;
}

/** A name server on loopback that answers from a zone. None of its answers may be kept. */
export async function startDnsServer(zone: Zone): Promise<DnsServer> {
  const lookUps: string[] = [];
  const socket = createSocket('udp4', (message, { port, address }) => {
    const { name, type, bytes } = questionIn(message);
    if (type === typeA) lookUps.push(name);
    const found = zone(name, lookUps.filter((other) => other === name).length);
    if (found === null) return;
    const addresses = typeof found === 'string' ? [] : found.filter((text) => isIPv6(text) === (type === typeAaaa));
    const records = addresses.map((text) => {
      const data = addressBytes(text);
      return Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]), data]);
    });
    const flags = 0x8180 | (typeof found === 'string' ? codes[found] : 0);
    const header = Buffer.from([flags >> 8, flags & 255, 0, 1, 0, records.length, 0, 0, 0, 0]);
    socket.send(Buffer.concat([message.subarray(0, 2), header, bytes, ...records]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { server: `127.0.0.1:${socket.address().port}`, lookUps, close: () => void socket.close() };
}
