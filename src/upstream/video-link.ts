/** A link that is longer is none: it would have to be kept in every row and sent with every answer. */
const maxLinkLength = 8_000;

/**
 * A text as a link that can be fetched, written as the WHATWG's URL parser writes it (no control characters, no spaces)
 * and without user info; null where it is none.
 */
export function linkOf(text: string): string | null {
  // A link without a scheme takes that of the page it stands on.
  const link = text.startsWith('//') ? `https:${text}` : text;
  if (link.length > maxLinkLength || !URL.canParse(link)) return null;
  const url = new URL(link);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null;
  url.username = '';
  url.password = '';
  return url.href.length > maxLinkLength ? null : url.href;
}
