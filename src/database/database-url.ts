/** What is said of a DATABASE_URL, and what never is: it holds a password. */

/**
 * Whether a PostgreSQL URL can be read in one way only. An @ behind the host's place, or a #, means that the password was
 * not escaped: the host is then part of the password for the driver, and part of a message.
 */
export function isUnambiguous(url: string): boolean {
  if (url.startsWith('file:')) return true;
  const rest = url.slice(url.indexOf('://') + 3);
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? '';
  if (rest.includes('#') || rest.includes('@', authority.length)) return false;
  return URL.canParse(url) && decoded(rest) !== null;
}

/** The place of a database: the path of a file, or host, port and name. */
export function placeOf(url: string): string {
  if (url.startsWith('file:')) return url;
  const { host, pathname } = URL.parse(url) ?? { host: 'at an unknown host', pathname: '' };
  return `${host}${pathname}`;
}

/** Shorter texts are in too many words to be blotted out. */
const minSecretLength = 4;

/** A text about a database without what is secret in its URL. */
export function withoutSecrets(text: string, url: string): string {
  const secrets = secretsIn(url).filter(({ length }) => length >= minSecretLength);
  // The longest first, so that none leaves the rest of another.
  secrets.sort((one, other) => other.length - one.length);
  return secrets.reduce((safe, secret) => safe.replaceAll(secret, '[redacted]'), text);
}

/** The password, wherever it stands, as it was given and as the driver takes it. */
function secretsIn(url: string): string[] {
  const { password = '', searchParams } = URL.parse(url) ?? {};
  const named = [...(searchParams ?? [])].flatMap(([name, value]) => (/password|key/i.test(name) ? [value] : []));
  const given = [password, ...named];
  return given.flatMap((secret) => [secret, encodeURIComponent(secret), decoded(secret) ?? secret]);
}

function decoded(text: string): string | null {
  try {
    // A percent sign that begins no escape is taken for itself by the driver.
    return decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, '%25'));
  } catch {
    return null;
  }
}
