import { isIPv6 } from 'node:net';

/** How a host and port are written in a set: the host as `URL` normalises it, IPv6 in brackets. */
export const hostAndPort = (hostname: string, port: number): string => `${hostname}:${port}`;

/** The port that a request to a URL uses. */
export const portOf = (url: URL): number => Number(url.port) || (url.protocol === 'https:' ? 443 : 80);

/** An IP address as the host of a URL is written. */
export const asHostname = (address: string): string =>
  isIPv6(address) ? (URL.parse(`http://[${address}]`)?.hostname ?? '') : address;

/** `host:port`, the host an IP address (IPv6 in brackets) or a name. */
const entryForm = /^(\[[\da-f:.]+\]|[^\s:/?#@[\]\\]+):([1-9]\d{0,4})$/i;

/** A host that is no pattern, as `URL` normalises it. */
const hostForm = /^(\[[\da-f:]+\]|[\w.-]+)$/;

/** An entry of the operator's list of private hosts in its normal form; null where it is none. */
export function readPrivateHost(entry: string): string | null {
  const [, host, port] = entryForm.exec(entry) ?? [];
  const url = host === undefined ? null : URL.parse(`http://${host}`);
  if (!url || !hostForm.test(url.hostname) || Number(port) > 65_535) return null;
  return hostAndPort(url.hostname, Number(port));
}
