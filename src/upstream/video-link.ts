/** A longer link is not accepted, because links are stored in rows and sent in answers. */
const maxLinkLength = 8_000;

/**
 * The http(s) link in a text, normalised by the URL standard (no control characters, no spaces) and without user info;
 * null where the text is not such a link.
 */
export function linkOf(text: string): string | null {
  // A link without a scheme has that of the page on which it stands.
  const link = text.startsWith('//') ? `https:${text}` : text;
  if (link.length > maxLinkLength || !URL.canParse(link)) return null;
  const url = new URL(link);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null;
  url.username = '';
  url.password = '';
  return url.href.length > maxLinkLength ? null : url.href;
}
