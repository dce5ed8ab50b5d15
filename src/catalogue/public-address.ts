import ipaddr from 'ipaddr.js';

/** The globally routed part of IPv6. Addresses outside it can embed a local IPv4 address, as ::127.0.0.1 does. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Addresses of public ranges that lead to a service of the machine's own cloud: Azure answers there, on every virtual
 * machine, with the machine's configuration.
 */
const cloudInternal = new Set(['168.63.129.16']);

/**
 * Whether an IP address, without brackets, is one of the public internet. Addresses that embed an IPv4 address (mapped,
 * 6to4, Teredo, NAT64) are not, because a gateway may pass them on to a private one.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.parse(text);
  if (address instanceof ipaddr.IPv6 && !address.match(globalUnicast)) return false;
  return address.range() === 'unicast' && !cloudInternal.has(address.toString());
}
