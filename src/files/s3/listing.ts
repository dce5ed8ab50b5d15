/** One page of a bucket's listing, as ListObjectsV2 answers. */
export interface ListingPage {
  readonly objects: readonly ListedObject[];
  /** What the request for the next page names; null on the last one. */
  readonly nextToken: string | null;
}

export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/** Reads a page; null for what is none, was cut off, or does not say how it goes on. */
export function readListing(xml: string): ListingPage | null {
  if (!xml.trimEnd().endsWith('</ListBucketResult>')) return null;
  const [, ...contents] = xml.split('<Contents>');
  const objects = contents.map((text) => ({
    key: element(text, 'Key') ?? '',
    sizeBytes: Number(element(text, 'Size')),
    modifiedAt: new Date(element(text, 'LastModified') ?? ''),
  }));
  if (element(xml, 'IsTruncated') !== 'true') return { objects, nextToken: null };
  const nextToken = element(xml, 'NextContinuationToken');
  return nextToken === null ? null : { objects, nextToken };
}

/** The text of the first element of this name. None of those that are read here has attributes or elements in it. */
function element(xml: string, name: string): string | null {
  const start = xml.indexOf(`<${name}>`);
  const end = xml.indexOf(`</${name}>`, start);
  return start < 0 || end < 0 ? null : decoded(xml.slice(start + name.length + 2, end));
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const decoded = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w{2,4}));/gi, (whole, hex, decimal, word) => {
    if (word !== undefined) return entities[word] ?? whole;
    const codePoint = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : whole;
  });
