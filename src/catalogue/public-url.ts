import ipaddr from 'ipaddr.js';
import { isPublicName } from './public-host-name.ts';

/** An image reference as it is sent on, or what is wrong with it. */
export type ReadImage = { readonly url: string } | { readonly problem: string };

/** What URLs that clouds sign with a session token need, with room to spare. The limit is this service's own. */
export const maxUrlLength = 8_000;

/**
 * Reads a URL that the upstream is to fetch. It is sent on as it was judged, normalised as the URL standard says: the
 * host in Punycode, the rest percent-encoded, without a fragment or the scheme's own port.
 */
export function readPublicUrl(text: string): ReadImage {
  if (text.length > maxUrlLength) return { problem: `must be at most ${maxUrlLength} characters long` };
  // Other parsers may read these differently, and find another host.
  if (/[\\\s\p{Cc}\p{Cs}]/u.test(text)) {
    return { problem: 'must not contain backslashes, spaces or control characters' };
  }
  const url = URL.parse(text);
  if (!url) return { problem: 'must be a complete URL, such as https://example.com/image.png' };
  url.hash = '';
  const problem = problemWith(url);
  return problem ? { problem } : { url: url.href };
}

function problemWith(url: URL): string | null {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be an http or https URL';
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password';
  if (!isWebPort(url.port)) return 'must use port 80, 443 or one from 1024 up';
  if (!isPublicHost(url.hostname)) return 'must point to a public host, not to a private or local address';
  if (url.href.length > maxUrlLength)
    return `must be at most ${maxUrlLength} characters long once it is percent-encoded`;
  return null;
}

/** The part of IPv6 that is routed at all; what lies outside can embed a local IPv4 address, as ::127.0.0.1 does. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether a parsed URL's host could be on the public internet. `URL` has already turned every spelling of an IPv4
 * address (decimal, hexadecimal, octal, short) into four decimal numbers.
 */
function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (!ipaddr.isValid(host)) return isPublicName(host);
  const address = ipaddr.parse(host);
  if (address instanceof ipaddr.IPv6 && !address.match(globalUnicast)) return false;
  return address.range() === 'unicast';
}

/** Web servers listen on the two well-known ports or on unprivileged ones; 22 or 25 is somebody probing. */
function isWebPort(port: string): boolean {
  return port === '' || port === '80' || port === '443' || Number(port) >= 1024;
}
