import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import {
  createOutboundClient,
  type OutboundOptions,
  type OutboundResponse,
} from '../../src/outbound/guarded-client.ts';
import { createDnsLookup } from '../../src/outbound/host-lookup.ts';
import { OutboundError } from '../../src/outbound/outbound-error.ts';
import { startDnsServer, type Zone } from './dns-server.ts';

/** Limits that no test reaches unless it sets its own. */
const limits = { timeoutMs: 20_000, idleMs: 20_000, deadlineMs: 40_000, maxBytes: 10_000_000 };

/** What a caller learns: of an answer, or of the error in its place. */
export interface Outcome {
  readonly status?: number | null;
  readonly text?: string;
  readonly kind?: string;
  readonly message?: string;
}

export type Options = Partial<OutboundOptions>;

export const readBody = ({ body }: OutboundResponse): Promise<string> => text(body);

/** A client that may call these private hosts, and asks a name server of the test for names. */
export async function startClient(
  privateHosts: readonly string[],
  zone: Zone = () => 'NXDOMAIN',
  ownAddresses?: () => readonly string[],
) {
  const dns = await startDnsServer(zone);
  onTestFinished(dns.close);
  const lookup = createDnsLookup([dns.server]);
  const client = createOutboundClient({ privateHosts, lookup, ...(ownAddresses && { ownAddresses }) });
  const request = (url: string, options: Options = {}) => client.request(url, { ...limits, ...options });

  /** Sends a request and reads the whole answer. */
  async function call(url: string, options: Options = {}): Promise<Outcome> {
    try {
      const response = await request(url, options);
      return { status: response.status, text: await readBody(response) };
    } catch (error) {
      return failureOf(error);
    }
  }
  return { request, call, lookUps: dns.lookUps };
}

/** Any other error is the test's own, and fails it. */
export function failureOf(error: unknown): Outcome {
  if (!(error instanceof OutboundError)) throw error;
  const { kind, message, status } = error;
  return { kind, message, status };
}
