import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { modelNames } from '../../src/catalogue/models.ts';
import { createTestApp } from '../support/app.ts';
import { notRefused, orderWithImages, takesDataUris } from '../support/image-orders.ts';
import { dataUri, type ImageType, imagesByType, inlinePng, png } from '../support/images.ts';
import { variantOf } from '../support/orders.ts';

const models = modelNames.filter(takesDataUris);
const image = png('an image');
const base64 = image.toString('base64');
const normal = dataUri('image/png', image);
const unpadded = base64.replace(/=+$/, '');
const svg = imagesByType['image/svg+xml'];
const svgText = svg.toString();

const document =
  'query ($id: ID!) { videoTask(id: $id) { referenceImages { ... on VideoInlineImage { mimeType sizeBytes sha256 } } } }';

/** Every way of writing an image that a browser would take, and the one in which it is sent on. */
const spellings: Record<string, [sent: string, normal: string]> = {
  'in its normal form': [normal, normal],
  'in upper case': [`DATA:IMAGE/PNG;BASE64,${base64}`, normal],
  'with a parameter': [`data:image/png;charset=utf-8;base64,${base64}`, normal],
  'with several parameters': [`data:image/png;charset=utf-8;name=x.png;base64,${base64}`, normal],
  'with a quoted parameter': [`data:image/png;name="a b;c";base64,${base64}`, normal],
  'with a parameter in percent-escapes': [`data:image/png;name=a%2Cb.png;base64,${base64}`, normal],
  'with spaces in its type': [`data: image/png ; base64,${base64}`, normal],
  'with a line break in its type': [`data:\timage/\npng;base64,${base64}`, normal],
  'without padding': [`data:image/png;base64,${unpadded}`, normal],
  'in lines': [`data:image/png;base64,\r\n${base64.replace(/.{20}/g, '$&\r\n')}\r\n`, normal],
  'with every kind of white space': [`data:image/png;base64,${base64.replace(/.{5}/g, '$& \t\f\n\r')}`, normal],
  'with escaped white space': [`data:image/png;base64,${base64.replace(/.{20}/g, '$&%0D%0A')}`, normal],
  'with escaped letters': [`data:image/png;base64,${encodeURIComponent(base64).replaceAll('A', '%41')}`, normal],
  'with escapes in lower case': [
    `data:image/png;base64,${base64.replaceAll('/', '%2f').replaceAll('=', '%3d')}`,
    normal,
  ],
  'with an escape that a line break divides': [`data:image/png;base64,${base64.replace('A', '%4\n1')}`, normal],
  'with bits beyond its last byte': [
    dataUri('image/gif', Buffer.from('GIF89a!')).replace('IQ==', 'IR=='),
    dataUri('image/gif', Buffer.from('GIF89a!')),
  ],
  'with a fragment': [`${normal}#top`, normal],
  'under another name of its type': [
    `data:image/jpg;base64,${imagesByType['image/jpeg'].toString('base64')}`,
    dataUri('image/jpeg', imagesByType['image/jpeg']),
  ],
  'as bytes in percent-escapes': [`data:image/png,${image.toString('hex').replace(/../g, '%$&')}`, normal],
  'as text': [`data:image/svg+xml,${svgText}`, dataUri('image/svg+xml', svg)],
  'as escaped text': [`data:image/svg+xml;utf8,${encodeURIComponent(svgText)}`, dataUri('image/svg+xml', svg)],
  'as text with a percent sign of its own': [
    'data:image/svg+xml,<svg>%</svg>%4',
    dataUri('image/svg+xml', Buffer.from('<svg>%</svg>%4')),
  ],
  'as text in lines': ['data:image/svg+xml,<svg>\r\n</svg>', dataUri('image/svg+xml', Buffer.from('<svg></svg>'))],
  'as text that only looks like base64': [
    'data:image/svg+xml;base64x,<svg/>',
    dataUri('image/svg+xml', Buffer.from('<svg/>')),
  ],
};

test.each(Object.entries(spellings))(
  'an inline image %s is sent on in its normal form',
  async (_, [sent, expected]) => {
    const app = await createTestApp();
    const bytes = Buffer.from(expected.slice(expected.indexOf(',') + 1), 'base64');
    const [, mimeType] = /^data:([^;]+)/.exec(expected) ?? [];
    for (const model of models) {
      const { data, errors } = await orderWithImages(app, model, [sent]);
      expect(errors, model).toBeUndefined();
      const kept = await app.query(document, { id: data.submitVideo.task.id });
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      expect(kept.data.videoTask.referenceImages).toEqual([{ mimeType, sizeBytes: bytes.length, sha256 }]);
    }
    expect(app.upstream.submits.map((body) => body['image_urls'])).toEqual(models.map(() => [expected]));
  },
);

const types = Object.keys(imagesByType) as ImageType[];

test('an image is taken under the types of its format, and under no other', async () => {
  const app = await createTestApp();
  const alsoAs: Partial<Record<ImageType, readonly string[]>> = {
    'image/png': ['image/apng', 'image/x-png'],
    'image/apng': ['image/png', 'image/x-png'],
    'image/jpeg': ['image/jpg', 'image/pjpeg'],
    'image/bmp': ['image/x-ms-bmp', 'image/x-bmp'],
    'image/avif': ['image/heif'],
    'image/heic': ['image/heif'],
    'image/svg+xml': ['image/x-icon', 'image/vnd.example'],
  };
  const labels = [...new Set([...types, ...Object.values(alsoAs).flat()])];
  const taken: string[] = [];
  for (const type of types) {
    for (const label of labels) {
      const { data } = await orderWithImages(app, 'GROK_VIDEO3_PRO', [dataUri(label, imagesByType[type])]);
      if (data.submitVideo) taken.push(`${type} as ${label}`);
    }
  }
  const right = types.flatMap((type) => [type, ...(alsoAs[type] ?? [])].map((label) => `${type} as ${label}`));
  expect(new Set(taken)).toEqual(new Set(right));
});

/** Each inline image with what its refusal has to say. */
const refused: [uri: string, reason: RegExp][] = [
  ['data:image/png;base64,', /must not be empty/],
  ['data:image/png;base64,====', /valid base64/],
  ['data:image/png;base64, \n', /must not be empty/],
  ['data:image/svg+xml,', /must not be empty/],
  ['data:image/png;base64,***=', /valid base64/],
  ['data:image/png;base64,AAAAA', /valid base64/],
  ['data:image/png;base64,AAA=A', /valid base64/],
  ['data:image/png;base64,A===', /valid base64/],
  ['data:image/png;base64,AA=', /valid base64/],
  ['data:image/png;base64,AAAA=', /valid base64/],
  ['data:image/png;base64,=AAA', /valid base64/],
  ['data:image/png;base64,AA-_', /valid base64/],
  ['data:image/png;base64,AAé=', /valid base64/],
  ['data:image/png;base64,AA%ZZ', /valid base64/],
  ['data:image/png;base64,AA%C3%A9', /valid base64/],
  ['data:image/png;base64,AA\u0000A', /valid base64/],
  ['data:image/png;base64,AA\ud800A', /valid base64/],
  [`data:image/png;base64,${base64},`, /valid base64/],
  ['data:image/png,AAAA', /labelled as PNG/],
  [`data:image/png,${base64}`, /labelled as PNG/],
  ['data:image/png;base64,AAAA', /labelled as PNG/],
  ['data:image/png;base64,iVBORw==', /labelled as PNG/],
  ['data:image/jpeg;base64,iVBORw0KGgo=', /labelled as JPEG.*those of PNG/],
  ['data:image/jpg;base64,iVBORw0KGgo=', /labelled as JPEG.*those of PNG/],
  ['data:image/svg+xml;base64,iVBORw0KGgo=', /bytes of PNG/],
  ['data:image/webp;base64,UklGRgAAAABXQVZF', /labelled as WebP/],
  [dataUri('image/heic', Buffer.from('\0\0\0\x14ftypisom\0\0\0\0isom', 'latin1')), /labelled as HEIC/],
  [dataUri('image/avif', Buffer.from('\0\0\0\x10ftypisom\0\0\0\0avif', 'latin1')), /labelled as AVIF/],
  ['data:image/svg+xml,<svg fill="#fff"/>', /%23/],
  ['data:image/svg+xml,<svg>\udfff</svg>', /surrogate/],
  ['data:image/;base64,AAAA', /type of an image/],
  ['data:image/p ng;base64,AAAA', /type of an image/],
  ['data:image/p%6Eg;base64,AAAA', /type of an image/],
  ['data:image/png', /form data:image/],
  ['data:image/png;base64', /form data:image/],
  ['data:image/png#;base64,AAAA', /form data:image/],
  [`data:image/png;name=${'x'.repeat(1_000)};base64,${base64}`, /form data:image/],
];

test('an inline image that is not whole, or not what its label says, is refused with the reason', async () => {
  const app = await createTestApp();
  for (const model of models) {
    for (const [uri, reason] of refused) {
      const { data, errors } = await orderWithImages(app, model, [uri]);
      const path = ['input', variantOf(model), 'images', 0, 'dataUri'];
      const issues = [{ path, message: expect.stringMatching(reason) }];
      expect
        .soft({ data, errors }, uri)
        .toMatchObject({ data: { submitVideo: null }, errors: [{ extensions: { issues } }] });
    }
  }
  expect(app.upstream.submits).toEqual([]);
});

test('a refusal quotes nothing of the image', async () => {
  const app = await createTestApp();
  const secret = 'U2VjcmV0'.repeat(10);
  for (const uri of [
    `data:image/png;base64,${secret}`,
    `data:image/png;base64,${secret}*`,
    `data:image/png,${secret}`,
    `data:image/png;name=${secret}`,
    `data:image/${secret}(,AAAA`,
    `data:image/svg+xml,${secret}#`,
    `data:image/${'U2VjcmV0'.repeat(100)};base64,${base64}`,
  ]) {
    const answer = await orderWithImages(app, 'GROK_VIDEO3', [uri]);
    expect.soft(answer.data?.submitVideo ?? null, uri).toBeNull();
    expect.soft(JSON.stringify(answer), uri).not.toMatch(/U2VjcmV0/);
  }
  expect(app.upstream.submits).toEqual([]);
});

test('the type of an inline image has 127 characters after image/ at most (RFC 6838)', async () => {
  const app = await createTestApp();
  const uriOf = (length: number) => `data:image/${'x'.repeat(length)};base64,AAAA`;
  expect((await orderWithImages(app, 'GROK_VIDEO3', [uriOf(127)])).errors).toBeUndefined();
  expect(await notRefused(app, models, [uriOf(128), uriOf(900), uriOf(5_000_000)])).toEqual([]);
  expect(app.upstream.submits).toMatchObject([{ image_urls: [uriOf(127)] }]);
});

test('an order is the same in every spelling of its inline image', async () => {
  const app = await createTestApp();
  const inputOf = (uri: string) => ({ grokVideo3: { prompt: 'A paper boat', images: [{ dataUri: uri }] } });
  const orderDocument =
    'mutation ($input: SubmitVideoInput!) { submitVideo(input: $input, idempotencyKey: "boat-1") { replayed task { id } } }';
  const ways = Object.values(spellings).flatMap(([sent, expected]) => (expected === normal ? [sent] : []));
  const answers = [];
  for (const uri of ways) answers.push(await app.query(orderDocument, { input: inputOf(uri) }));
  expect(new Set(answers.map(({ data }) => data?.submitVideo.task.id)).size).toBe(1);
  const other = await app.query(orderDocument, { input: inputOf(inlinePng('another image')) });
  expect(other.errors?.[0]?.extensions.code).toBe('IDEMPOTENCY_KEY_MISMATCH');
  expect(app.upstream.submits).toHaveLength(1);
});
