import { createHash } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { isPublicName } from './host-names.ts';

/** What is kept of a reference image: its URL, or of an inline image all but the image itself. */
export type ReferenceImage =
  | { readonly kind: 'URL'; readonly url: string }
  | { readonly kind: 'INLINE'; readonly mimeType: string; readonly sizeBytes: number; readonly sha256: string };

const maxUrlLength = 2_048;
const dataUriHead = /^data:(image\/[a-z0-9][a-z0-9.+-]*);base64,/i;
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Why the upstream could not, or must not, fetch `text` as a public http(s) URL; null where it can. */
export function publicUrlProblem(text: string): string | null {
  if (text.length > maxUrlLength) return `must be at most ${maxUrlLength} characters long`;
  // Other parsers may read these differently, and find another host.
  if (/[\\\s\p{Cc}\p{Cs}]/u.test(text)) return 'must not contain backslashes, spaces or control characters';
  const url = URL.parse(text);
  if (!url) return 'must be a complete URL, such as https://example.com/image.png';
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be an http or https URL';
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password';
  if (!isWebPort(url.port)) return 'must use port 80, 443 or one from 1024 up';
  if (!isPublicHost(url.hostname)) return 'must point to a public host, not to a private or local address';
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

/** Why `text` is not a `data:image/…;base64,` URI; null where it is one. */
export function dataUriProblem(text: string): string | null {
  const head = dataUriHead.exec(text);
  if (!head) return 'must be a data URI of the form data:image/png;base64,…';
  const payload = text.slice(head[0].length);
  return payload.length % 4 === 0 && base64.test(payload) ? null : 'must carry valid, padded base64 after the comma';
}

/** What to keep of a reference image that has passed the checks above. */
export function describeImage(source: string): ReferenceImage {
  const head = dataUriHead.exec(source);
  if (!head?.[1]) return { kind: 'URL', url: source };
  const bytes = Buffer.from(source.slice(head[0].length), 'base64');
  return {
    kind: 'INLINE',
    mimeType: head[1].toLowerCase(),
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}
