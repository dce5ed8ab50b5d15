/** Domains that contain no host of the public internet, grouped by the document that reserves them. */
const reservedNames: readonly string[] = [
  // RFC 6761: special-use names. example.com, example.net and example.org are public hosts, so they are not here.
  ...['localhost', 'test', 'invalid', 'example'],
  // RFC 6762: .local is resolved by multicast; its appendix G lists other domains that private networks use.
  ...['local', 'intranet', 'internal', 'private', 'corp', 'home', 'lan'],
  // RFC 7686, RFC 9476: domains of naming systems other than the DNS.
  ...['onion', 'alt'],
  // RFC 3172: the infrastructure of the internet. RFC 8375's home.arpa and the reverse zones are below it.
  'arpa',
  // ICANN: .internal (2024) is in RFC 6762 as well; .mail is held back beside .corp and .home, for its collisions.
  'mail',
  // Default names of hosts and networks, none of them delegated: Linux, routers, Kubernetes, Consul.
  ...[
    'localdomain',
    'localdomain4',
    'localdomain6',
    'localhost4',
    'localhost6',
    'localnet',
    'router',
    'workgroup',
    'belkin',
    'dlink',
    'svc',
    'consul',
  ],
  // IANA-managed reserved domains: the word "test" in eleven languages.
  ...['xn--kgbechtv', 'xn--hgbk6aj7f53bba', 'xn--0zwm56d', 'xn--g6w251d', 'xn--80akhbyknj4f', 'xn--11b5bs3a9aj6g'],
  ...['xn--jxalpdlp', 'xn--9t4b11yi5a', 'xn--deba0ad', 'xn--zckzah', 'xn--hlcj6aya9esc7a'],
];

/**
 * RFC 1123: letters, digits and hyphens, up to 63 of them. Underscores are accepted too: host names have none, but old
 * buckets of object stores do. `URL` has already converted other letters to Punycode.
 */
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

const maxNameLength = 253;

/**
 * Whether a host name, as `URL` has normalised it, can be in the public DNS: it has several labels, none of them is
 * empty, and its domain is not reserved. One dot at the end is allowed, because it only says that the name is complete.
 */
export function isPublicName(host: string): boolean {
  const name = host.replace(/\.$/, '');
  if (name.length > maxNameLength) return false;
  const labels = name.split('.');
  if (labels.length < 2 || !labels.every((text) => label.test(text))) return false;
  return !reservedNames.some((reserved) => name.endsWith(`.${reserved}`));
}
