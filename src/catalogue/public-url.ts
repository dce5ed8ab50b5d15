import { isIP } from 'node:net';
import { isPublicAddress } from './public-address.ts';
import { isPublicName } from './public-host-name.ts';

/** The URL of an image as it is sent to the upstream, or why it is refused. */
export type ReadImage = { readonly url: string } | { readonly problem: string };

/** Signed URLs of clouds, session token included, are shorter. The limit is this service's own. */
export const maxUrlLength = 8_000;

/**
 * Checks a URL that the upstream is to fetch. What was checked is what is sent: the URL as the URL standard normalises
 * it, with the host in Punycode, the rest percent-encoded, and without a fragment or the scheme's default port.
 */
export function readPublicUrl(text: string): ReadImage {
  if (text.length > maxUrlLength) return { problem: `must be at most ${maxUrlLength} characters long` };
  // Refused, because other URL parsers may read these characters differently and find another host.
  if (/[\\\s\p{Cc}\p{Cs}]/u.test(text)) {
    return { problem: 'must not contain backslashes, spaces or control characters' };
  }
  const url = URL.parse(text);
  if (!url) return { problem: 'must be a complete URL, such as https://example.com/image.png' };
  url.hash = '';
  const problem = problemWithForm(url) ?? problemWithHost(url);
  return problem ? { problem } : { url: url.href };
}

/** What is wrong with a parsed URL, wherever it leads, as the rest of a sentence; null where nothing is. */
export function problemWithForm(url: URL): string | null {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be an http or https URL';
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password';
  if (url.href.length > maxUrlLength)
    return `must be at most ${maxUrlLength} characters long once it is percent-encoded`;
  return null;
}

/** Why a parsed URL cannot lead to a web server of the public internet, as the rest of a sentence; null where it can. */
export function problemWithHost(url: URL): string | null {
  if (!isWebPort(url.port)) return 'must use port 80, 443 or one from 1024 up';
  if (!isPublicHost(url.hostname)) return 'must point to a public host, not to a private or local address';
  return null;
}

/**
 * Whether the host of a parsed URL can be on the public internet. `URL` has already rewritten every spelling of an IPv4
 * address (decimal, hexadecimal, octal, short) as four decimal numbers.
 */
function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? isPublicName(host) : isPublicAddress(host);
}

/**
 * Web servers listen on ports 80 and 443 or on unprivileged ones. A URL with another port, such as 22 or 25, is an
 * attempt to probe a host.
 */
function isWebPort(port: string): boolean {
  return port === '' || port === '80' || port === '443' || Number(port) >= 1024;
}
