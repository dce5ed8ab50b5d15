import { lookup, Resolver } from 'node:dns/promises';
import { codeOf, OutboundError } from './outbound-error.ts';

/** Finds the IP addresses of a host name: none where the name does not exist. Ends soon after the signal aborts. */
export type HostLookup = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;

/** How long a name server may take to answer, and how often it is asked. The time limit of the request is another. */
const limits = { timeout: 2_000, tries: 3 };

/** So that a name with a hundred addresses does not make a hundred connections. */
const maxAddressesOfKind = 4;

/** What the DNS answers where a name, or an address of that kind, does not exist. */
const absent = new Set(['ENOTFOUND', 'ENODATA']);

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && absent.has(String(error.code));

const lookupFailed = (hostname: string, error: unknown) =>
  new OutboundError('UNREACHABLE', `The name ${hostname} could not be looked up${codeOf(error)}.`);

/**
 * Asks the name servers, those of the machine where none are given. The system's own `getaddrinfo` is not used, because
 * it takes one of a few threads, so that names that are slow to look up would hold up all other requests of the process.
 */
export const createDnsLookup =
  (servers?: readonly string[]): HostLookup =>
  async (hostname, signal) => {
    const resolver = new Resolver(limits);
    if (servers) resolver.setServers(servers);
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel);
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    signal.removeEventListener('abort', cancel);
    const addresses = answers.flatMap((answer) =>
      answer.status === 'fulfilled' ? answer.value.slice(0, maxAddressesOfKind) : [],
    );
    const failed = answers.find((answer) => answer.status === 'rejected' && !isAbsent(answer.reason));
    if (addresses.length === 0 && failed?.status === 'rejected') throw lookupFailed(hostname, failed.reason);
    return addresses;
  };

/** Asks the system, which knows more than the DNS: its own hosts file, for example. */
export const lookupInSystem: HostLookup = async (hostname) => {
  try {
    return (await lookup(hostname, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw lookupFailed(hostname, error);
  }
};
