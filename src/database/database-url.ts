/** Keeps the password in a DATABASE_URL out of messages. */

/**
 * Whether a PostgreSQL URL has only one reading. An @ after the host, or a #, means that the password was not escaped:
 * the driver would take part of the password for the host, and the host appears in messages.
 */
export function isUnambiguous(url: string): boolean {
  if (url.startsWith('file:')) return true;
  const rest = url.slice(url.indexOf('://') + 3);
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? '';
  if (rest.includes('#') || rest.includes('@', authority.length)) return false;
  return URL.canParse(url) && decoded(rest) !== null;
}

/** Where a database is, for messages: the path of a file, or host, port and name. */
export function placeOf(url: string): string {
  if (url.startsWith('file:')) return url;
  const { host, pathname } = URL.parse(url) ?? { host: 'at an unknown host', pathname: '' };
  return `${host}${pathname}`;
}

/** A shorter password is not redacted, because it would match inside ordinary words. */
const minSecretLength = 4;

/** Redacts the secrets of a DATABASE_URL in a text. */
export function withoutSecrets(text: string, url: string): string {
  const secrets = secretsIn(url).filter(({ length }) => length >= minSecretLength);
  // The longest secret is replaced first, because a shorter one may be part of it.
  secrets.sort((one, other) => other.length - one.length);
  return secrets.reduce((safe, secret) => safe.replaceAll(secret, '[redacted]'), text);
}

/** The passwords in a URL, in its user info or its parameters, as written and as the driver decodes them. */
function secretsIn(url: string): string[] {
  const { password = '', searchParams } = URL.parse(url) ?? {};
  const named = [...(searchParams ?? [])].flatMap(([name, value]) => (/password|key/i.test(name) ? [value] : []));
  const given = [password, ...named];
  return given.flatMap((secret) => [secret, encodeURIComponent(secret), decoded(secret) ?? secret]);
}

function decoded(text: string): string | null {
  try {
    // The driver takes a percent sign that begins no escape literally.
    return decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, '%25'));
  } catch {
    return null;
  }
}
