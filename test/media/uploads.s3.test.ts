import { expect, test } from 'vitest';
import { dataUri, png } from '../support/images.ts';
import { placed } from '../support/placing.ts';
import { freshBucket } from '../support/s3-bucket.ts';
import { createStoringApp } from '../support/storing-app.ts';
import { atService, orderWith, sentImages, uploaded } from '../support/uploading.ts';

test('an image in a bucket is sent inline, or served by the service itself without a redirect', async () => {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = await freshBucket();
  const app = await createStoringApp({
    settings: {
      STORAGE_URL: `s3://${bucket}/files`,
      S3_ENDPOINT: endpoint,
      S3_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      PUBLIC_BASE_URL: 'https://videos.example.com',
    },
  });
  const image = png('a boat');
  const uploadId = await uploaded(app, image);
  await placed(app, orderWith('GROK_VIDEO3', { uploadId }));
  await placed(app, orderWith('GROK_VIDEO3_MAX', { uploadId }));
  const [[inline], [url]] = sentImages(app) as [[string], [string]];
  expect(inline).toBe(dataUri('image/png', image));
  for (const method of ['HEAD', 'GET']) {
    const response = await fetch(atService(app, url), { method, redirect: 'manual' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(response.headers.get('content-length')).toBe(String(image.length));
    if (method === 'GET') expect(Buffer.from(await response.bytes()).equals(image)).toBe(true);
  }
});
