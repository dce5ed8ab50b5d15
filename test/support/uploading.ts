import { readdirSync } from 'node:fs';
import { expect } from 'vitest';
import type { ModelName } from '../../src/catalogue/models.ts';
import type { Answer, Speaker, TestApp } from './app.ts';
import { orderOf } from './orders.ts';

/** An upload as a caller reads it. */
export interface Upload {
  readonly id: string;
  readonly state: string;
  readonly url: string | null;
  readonly method: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly expiresAt: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly sha256: string | null;
  readonly widthPixels: number | null;
  readonly heightPixels: number | null;
  readonly deleteAt: string | null;
}

type Service = Pick<Speaker, 'query'> & { readonly url: string };

const fields = `id state url method headers { name value } expiresAt contentType sizeBytes sha256
  widthPixels heightPixels deleteAt`;

export const createDocument = `mutation ($input: CreateVideoImageUploadInput!) {
  createVideoImageUpload(input: $input) { upload { ${fields} } }
}`;

/** Creates an upload, and returns the whole answer. */
export const askForUpload = (app: Pick<Speaker, 'query'>, sizeBytes: number, contentType = 'PNG'): Promise<Answer> =>
  app.query(createDocument, { input: { contentType, sizeBytes } });

export async function createUpload(
  app: Pick<Speaker, 'query'>,
  { length }: Uint8Array,
  contentType = 'PNG',
): Promise<Upload> {
  const { data, errors } = await askForUpload(app, length, contentType);
  expect(errors).toBeUndefined();
  return data.createVideoImageUpload.upload;
}

export async function uploadOf({ query }: Pick<Speaker, 'query'>, id: string): Promise<Upload | null> {
  const { data, errors } = await query(`query ($id: ID!) { videoImageUpload(id: $id) { ${fields} } }`, { id });
  expect(errors).toBeUndefined();
  return data.videoImageUpload;
}

/** The same URL at the address where the service really listens, other than PUBLIC_BASE_URL says. */
export const atService = (app: { readonly url: string }, url: string): string =>
  url.replace(/^https?:\/\/[^/]+/, new URL(app.url).origin);

/** Sends an image to its upload, as the upload says. */
export function send(
  app: Pick<Service, 'url'>,
  { url, method, headers }: Pick<Upload, 'url' | 'method' | 'headers'>,
  body: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<Response> {
  const given = Object.fromEntries(headers.map(({ name, value }) => [name, value]));
  return fetch(atService(app, url ?? ''), { method, headers: given, body, duplex: 'half' } as RequestInit);
}

/** Uploads an image, and returns its id. */
export async function uploaded(app: Service, image: Uint8Array, contentType = 'PNG'): Promise<string> {
  const upload = await createUpload(app, image, contentType);
  const response = await send(app, upload, image);
  expect(await response.text()).toBe('');
  expect(response.status).toBe(204);
  return upload.id;
}

/** How long a test waits for what the service does by itself. */
export const background = { timeout: 20_000 };

const filesBelow = (folder: string, part: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.parentPath.slice(folder.length).split('/')[1] === part)
    .map(({ name }) => name);

/** The images in the folder of a service. */
export const imagesIn = (folder: string): string[] => filesBelow(folder, 'images');

/** The files in that folder that are still being received. */
export const incomingIn = (folder: string): string[] => filesBelow(folder, '.incoming');

export const orderWith = (model: ModelName, ...images: object[]) => orderOf(model, { images });

/** The images of each order that the upstream has received. */
export const sentImages = ({ upstream }: Pick<TestApp, 'upstream'>): unknown[] =>
  upstream.submits.map((body) => body['image_urls']);

const imagesDocument = `query ($id: ID!) { videoTask(id: $id) { referenceImages { __typename
  ... on VideoUrlImage { url }
  ... on VideoInlineImage { mimeType sizeBytes sha256 }
  ... on VideoUploadedImage { uploadId mimeType sizeBytes sha256 }
} } }`;

export async function referenceImagesOf({ query }: Pick<Speaker, 'query'>, id: string): Promise<object[]> {
  const { data, errors } = await query(imagesDocument, { id });
  expect(errors).toBeUndefined();
  return data.videoTask.referenceImages;
}

/** Waits until a task has ended. */
export const ended = ({ query }: Pick<Speaker, 'query'>, id: string) =>
  expect
    .poll(
      async () => (await query('query ($id: ID!) { videoTask(id: $id) { status } }', { id })).data.videoTask,
      background,
    )
    .toEqual({ status: 'COMPLETED' });
