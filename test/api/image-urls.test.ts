import { expect, test } from 'vitest';
import { type Capability, capabilityOf, type ModelName, modelNames } from '../../src/catalogue/models.ts';
import { createTestApp, nothing, submitDocument } from '../support/app.ts';
import { imageUrl, notRefused, orderWithImages, takesDataUris } from '../support/image-orders.ts';
import { inlinePng } from '../support/images.ts';
import { orderOf, upstreamBodyOf, variantOf } from '../support/orders.ts';

const images = (count: number): string[] => Array.from({ length: count }, (_, index) => imageUrl(index));

const limitsOf = (model: ModelName): Capability['images'] => capabilityOf(model).images;

/** As many as the model takes: 20 where the vendor documents no maximum. */
const manyFor = (model: ModelName): number => limitsOf(model).max ?? 20;

/** URLs, and how the URL standard writes them. */
const spellings: [sent: string, normal: string][] = [
  ['https://images.example.com', 'https://images.example.com/'],
  ['HTTPS://IMAGES.EXAMPLE.COM/A.PNG', 'https://images.example.com/A.PNG'],
  ['https://images.example.com:443/1.png', 'https://images.example.com/1.png'],
  ['http://images.example.com:80/1.png', 'http://images.example.com/1.png'],
  ['http://images.example.com:443/1.png', 'http://images.example.com:443/1.png'],
  [
    'http://images.example.com:8080/a%20b.png?size=1&x=ü#top',
    'http://images.example.com:8080/a%20b.png?size=1&x=%C3%BC',
  ],
  ['https://images.example.com/1.png#', 'https://images.example.com/1.png'],
  ['https://images.example.com/1.png?', 'https://images.example.com/1.png?'],
  ['https://images.example.com/a/./b/../1.png', 'https://images.example.com/a/1.png'],
  ['https://images.example.com/%7euser/"{}".png', 'https://images.example.com/%7euser/%22%7B%7D%22.png'],
  ['https://bücher.example.com/🚣.png', 'https://xn--bcher-kva.example.com/%F0%9F%9A%A3.png'],
  ['https://ＢÜＣＨＥＲ。example.com/1.png', 'https://xn--bcher-kva.example.com/1.png'],
  ['http://93.184.216.34:80/1.png', 'http://93.184.216.34/1.png'],
  ['http://0x5db8d822/1.png', 'http://93.184.216.34/1.png'],
  ['https://[2606:2800:220:1:0:0:0:1]:443/1.png', 'https://[2606:2800:220:1::1]/1.png'],
];

const imagesDocument = 'query ($id: ID!) { videoTask(id: $id) { referenceImages { ... on VideoUrlImage { url } } } }';

test.each(modelNames)(
  '%s sends and keeps reference images as the URL standard writes them, in order',
  async (model) => {
    const app = await createTestApp();
    const many = images(manyFor(model)).reverse();
    const lists = [[many, many], ...spellings.map(([sent, normal]) => [[sent], [normal]])] as [string[], string[]][];
    for (const [sent, normal] of lists) {
      const { data, errors } = await orderWithImages(app, model, sent);
      expect(errors).toBeUndefined();
      const read = await app.query(imagesDocument, { id: data.submitVideo.task.id });
      expect(read.data.videoTask.referenceImages).toEqual(normal.map((url) => ({ url })));
    }
    expect(app.upstream.submits).toEqual(lists.map(([, normal]) => upstreamBodyOf(model, {}, normal)));
  },
);

test('a URL has up to 8,000 characters, as it is sent and as it is written', async () => {
  const app = await createTestApp();
  const ofLength = (length: number, letter: string) => {
    const start = 'https://images.example.com/';
    return start + letter.repeat(length - start.length);
  };
  const long = ofLength(8_000, 'x');
  // Percent-encoded, each of these letters has six characters.
  const tooLong = [ofLength(8_001, 'x'), ofLength(2_000, 'ü'), `${long}#top`, ofLength(1_000_000, 'x')];
  expect(await notRefused(app, ['GROK_VIDEO3', 'GROK_VIDEO3_MAX'], tooLong)).toEqual([]);
  expect(app.upstream.submits).toEqual([]);
  expect((await orderWithImages(app, 'GROK_VIDEO3_MAX', [long])).errors).toBeUndefined();
  expect(app.upstream.submits).toMatchObject([{ image_urls: [long] }]);
});

test.each(modelNames)('%s takes an empty list of images for none', async (model) => {
  const app = await createTestApp();
  await orderWithImages(app, model, []);
  expect(app.upstream.submits).toEqual([upstreamBodyOf(model)]);
});

test.each(modelNames)('%s refuses one image too many, and thousands, without parsing them', async (model) => {
  const app = await createTestApp();
  for (const count of [manyFor(model) + 1, 4_000]) {
    const urls = [...images(count - 1), 'http://127.0.0.1/'];
    const { data, errors } = await orderWithImages(app, model, urls);
    expect(data).toEqual(nothing);
    expect(errors?.[0]?.extensions.issues).toEqual([
      { path: ['input', variantOf(model), 'images'], message: `must be at most ${manyFor(model)} images` },
    ]);
  }
  expect(app.upstream.submits).toEqual([]);
});

/** Addresses that are not public, in the spellings that have slipped through such checks elsewhere. */
const privateHosts = [
  'localhost',
  'LOCALHOST',
  '%6cocalhost',
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '2130706433',
  '0x7f.1',
  '0x7f000001',
  '0177.0.0.1',
  '①②⑦.0.0.1',
  '127。0。0。1',
  '0.0.0.0',
  '0',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '169.254.169.254',
  '100.64.0.1',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.1',
  '192.0.2.1',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[::1]',
  '[::]',
  '[::ffff:7f00:1]',
  '[::ffff:127.0.0.1]',
  '[::7f00:1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]',
  '[2002:a9fe:a9fe::]',
  '[2001:0:7f00:1::]',
  '[2001::1]',
  '[2001:1::1]',
  '[2001:20::1]',
  '[2620:4f:8000::1]',
  '[3fff::1]',
  '[2001:db8::1]',
  '[fc00::1]',
  '[fd12:3456::1]',
  '[fe80::1]',
  '[fec0::1]',
  '[ff02::1]',
];

test('no model accepts an image from a private, local or reserved address, in any spelling', async () => {
  const app = await createTestApp();
  const urls = privateHosts.flatMap((host) => [`http://${host}/1.png`, `https://${host}:8443/1.png`]);
  expect(await notRefused(app, modelNames, urls)).toEqual([]);
  expect(app.upstream.submits).toEqual([]);
});

test('no model takes an image URL with credentials, a probing port, or no host', async () => {
  const app = await createTestApp();
  const urls = [
    'https://user@images.example.com/1.png',
    'https://user:password@images.example.com/1.png',
    'https://:password@images.example.com/1.png',
    'http://images.example.com@127.0.0.1/1.png',
    'http://images.example.com:22/1.png',
    'http://images.example.com:25/1.png',
    'https://images.example.com:1023/1.png',
    'https://',
    'https://images.example.com:99999/1.png',
    'https://images example.com/1.png',
  ];
  expect(await notRefused(app, modelNames, urls)).toEqual([]);
  expect(app.upstream.submits).toEqual([]);
});

test('no model takes an image URL that another parser than ours reads as one of a private address', async () => {
  const app = await createTestApp();
  const urls = [
    'https://images.example.com\\@127.0.0.1/1.png',
    'http://127.0.0.1..',
    'http://localhost..',
    'https://images.example.com\t@127.0.0.1/1.png',
    'https://images.example.com/1.png\r\nHost: 127.0.0.1',
    'https://images.example.com/\ud800.png',
    'https://images.example.com/1.png ',
    'https://images.example.com/\u00a0.png',
    'https://images.example.com/\u0000',
  ];
  expect(await notRefused(app, modelNames, urls)).toEqual([]);
  expect(app.upstream.submits).toEqual([]);
});

test('what is no image reference at all cannot be typed, and the answer says which type refuses it', async () => {
  const app = await createTestApp();
  const texts = ['', 'sea.png', '//images.example.com/1.png', 'ftp://images.example.com/1.png', 'file:///etc/passwd'];
  const answers: Record<string, unknown> = {};
  const expected: Record<string, unknown> = {};
  for (const model of modelNames) {
    const asUrl = [...texts, inlinePng()].map((url) => ({ url }));
    const asDataUri = ['data:text/html;base64,PGI+', 'data:,x', imageUrl(2)].map((dataUri) => ({ dataUri }));
    for (const image of [...asUrl, ...(takesDataUris(model) ? asDataUri : [])]) {
      const input = orderOf(model, { images: [{ url: imageUrl(1) }, image] });
      const { data = null, errors = [] } = await app.query(submitDocument, { input });
      const [error] = errors;
      const what = `${model} ${JSON.stringify(image)}`;
      answers[what] = { data, code: error?.extensions?.code, message: error?.message };
      const type = 'url' in image ? 'url.*VideoImageUrl' : 'dataUri.*VideoImageDataUri';
      const message = expect.stringMatching(new RegExp(`images\\.1\\.${type}\\b`));
      expected[what] = { data: nothing, code: 'BAD_USER_INPUT', message };
    }
  }
  expect.soft(answers).toEqual(expected);
  expect(app.upstream.submits).toEqual([]);
});

test('an inline image written into the document is refused where only public URLs are taken', async () => {
  const app = await createTestApp();
  for (const model of modelNames.filter((name) => !takesDataUris(name))) {
    const { data, errors } = await app.query(
      `mutation { submitVideo(input: { ${variantOf(model)}: { prompt: "x", images: [{ url: "${inlinePng()}" }] } }) { task { id } } }`,
    );
    expect(data ?? null).toBeNull();
    expect.soft(errors?.map(({ message }) => message)).toEqual([expect.stringContaining('VideoImageUrl ')]);
  }
  expect(app.upstream.submits).toEqual([]);
});
