import { expect, test } from 'vitest';
import type { ModelName } from '../../src/catalogue/models.ts';
import { createTestApp } from '../support/app.ts';
import { notRefused, orderWithImages } from '../support/image-orders.ts';

/** One model for each set of image forms, because each checks the host. */
const models: ModelName[] = ['GROK_VIDEO3', 'GROK_VIDEO3_MAX'];

const label63 = 'a'.repeat(63);

/** Host names of no public host, by the reason. */
const refusedNames: Record<string, readonly string[]> = {
  'special-use names (RFC 6761)': ['x.test', 'x.invalid', 'x.example', 'x.localhost', 'a.b.test', 'localhost'],
  'multicast names (RFC 6762)': ['printer.local', 'a.printer.local'],
  'private networks (RFC 6762, appendix G)': [
    ...['x.intranet', 'metadata.google.internal', 'host.docker.internal', 'x.private', 'x.corp', 'x.home'],
    ...['printer.lan', 'a.b.lan'],
  ],
  'home networks (RFC 8375)': ['nas.home.arpa', 'home.arpa'],
  'other systems than the DNS (RFC 7686, RFC 9476)': ['duskgytldkxiuqc6.onion', 'x.alt'],
  'reverse zones and other infrastructure': ['1.0.0.127.in-addr.arpa', 'x.ip6.arpa', 'ipv4only.arpa'],
  'what systems call their own networks': [
    ...[
      'localhost.localdomain',
      'x.localdomain',
      'localhost6.localdomain6',
      'localhost4.localdomain4',
      'x.localnet',
      'api.default.svc',
    ],
    ...['web.service.consul', 'x.mail', 'api.default.svc.cluster.local'],
  ],
  'test domains in other alphabets': ['例え.テスト', 'x.xn--zckzah', 'пример.испытание'],
  'other spellings of the same': [
    ...['PRINTER.LAN', 'Printer.Local', 'printer.lan.', 'x.TEST.', 'printer。lan', 'ｐｒｉｎｔｅｒ.ｌａｎ'],
    ...['printer.%6Can', 'printer.l\u00adan', 'printer.ℓan', 'printer.xn--lan-', 'x.xn--local-'],
  ],
  'one label': ['intranet', 'com', 'a', 'xn--mnchen-3ya', 'intranet.', 'com.'],
  'a number as the last label': ['images.example.1', 'images.example.0x10', 'a.256', '1.2.3.4.5'],
  'empty labels': ['.example.com', 'images..example.com', 'images.example.com..', '.', '..', '\u00ad.example.com'],
  'what is no host name (RFC 1123)': [
    ...['-a.example.com', 'a-.example.com', 'a,b.example.com'],
    ...['a*b.example.com', '*.example.com', "a'b.example.com", 'a+b.example.com', '$(id).example.com'],
    ...[`a${label63}.example.com`, `${'ü'.repeat(63)}.example.com`, `${`${label63}.`.repeat(4)}com`],
  ],
};

test.each(Object.entries(refusedNames))('no model takes an image from a host by %s', async (_, names) => {
  const app = await createTestApp();
  const urls = names.map((name) => `https://${name}/1.png`);
  expect(await notRefused(app, models, urls)).toEqual([]);
  expect(app.upstream.submits).toEqual([]);
});

/** Public names that look like reserved ones. */
const publicNames = [
  ...['local.com', 'mylocal.net', 'corp.example.com', 'localhost.example.com', 'lan.example.org', 'example.com'],
  ...['test.example.com', 'internal.example.com', 'home.arpa.example.com', 'mail.example.com', 'onion.example.com'],
  ...['x.mylan', 'x.localx', 'x.homes', 'x.alternative', 'x.testing', 'contest.example.com'],
  ...['1.2.3.4.example.com', '1e100.net', 'images.example.com.', 'xn--mnchen-3ya.de', 'x.xn--p1ai', '0x10.example.com'],
  ...[
    'my_bucket.s3.amazonaws.com',
    'my-bucket.s3.eu-west-1.amazonaws.com',
    'a--b.example.com',
    `${label63}.example.com`,
  ],
];

test('images from public hosts are accepted, also where the name looks like a reserved one', async () => {
  const app = await createTestApp();
  const urls = publicNames.map((name) => `https://${name}/1.png`);
  for (const url of urls) {
    const { errors } = await orderWithImages(app, 'GROK_VIDEO3', [url]);
    expect.soft(errors, url).toBeUndefined();
  }
  expect(app.upstream.submits.flatMap((body) => body['image_urls'])).toEqual(urls);
});
