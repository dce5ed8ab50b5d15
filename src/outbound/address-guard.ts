import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isPublicAddress } from '../catalogue/public-address.ts';
import { problemWithForm, problemWithHost } from '../catalogue/public-url.ts';
import { unlessAborted } from '../work/unless-aborted.ts';
import { createDnsLookup, type HostLookup, lookupInSystem } from './host-lookup.ts';
import { named, OutboundError } from './outbound-error.ts';
import { asHostname, hostAndPort, portOf, readPrivateHost } from './private-hosts.ts';

export interface AddressGuardSettings {
  /**
   * What may be called although it is not public, as `host:port`. An IP address allows that address, also for a name
   * that leads to it; a name allows all addresses of that name.
   */
  readonly privateHosts: readonly string[];
  /** For all names. Without it, private hosts are looked up by the system and all others in the DNS. */
  readonly lookup?: HostLookup;
  /** The addresses of this machine. Its services are not public because one of its addresses is. */
  readonly ownAddresses?: () => readonly string[];
}

/** Finds the addresses of a URL's host that may be called, at least one. */
export type AddressGuard = (url: URL, signal: AbortSignal) => Promise<readonly string[]>;

const addressesOfInterfaces = (): string[] =>
  Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));

export function createAddressGuard(settings: AddressGuardSettings): AddressGuard {
  const { lookup, ownAddresses = addressesOfInterfaces } = settings;
  const privateHosts = new Set(settings.privateHosts.map(readPrivateHost));
  const lookupInDns = createDnsLookup();

  return async (url, signal) => {
    const isListed = (hostname: string) => privateHosts.has(hostAndPort(hostname, portOf(url)));
    const listed = isListed(url.hostname);
    const problem = problemWithForm(url) ?? (listed ? null : problemWithHost(url));
    if (problem !== null) throw refused(url, problem);

    const host = url.hostname.replace(/^\[|\]$/g, '');
    const find = lookup ?? (listed ? lookupInSystem : lookupInDns);
    const found = isIP(host) === 0 ? await unlessAborted(find(host, signal), signal) : [host];
    const own = new Set(ownAddresses());
    const allowed = found.filter(
      (address) => listed || isListed(asHostname(address)) || (isPublicAddress(address) && !own.has(address)),
    );
    // A name that does not exist is refused in the same words as one of a private network, so that those cannot be
    // told apart from outside.
    if (allowed.length === 0) throw refused(url, 'must lead to a public address');
    return allowed;
  };
}

const refused = (url: URL, problem: string) =>
  new OutboundError('ADDRESS_REFUSED', `The address of ${named(url)} ${problem}.`);
