import { openAsBlob } from 'node:fs';
import { graphql } from './generated/gql.ts';
import type { VideoImageType } from './generated/graphql.ts';
import { clientOf, type Service } from './service.ts';

const createUploadDocument = graphql(`
  mutation CreateUpload($input: CreateVideoImageUploadInput!) {
    createVideoImageUpload(input: $input) {
      upload { id url method headers { name value } }
    }
  }
`);

const types: Record<string, VideoImageType> = { png: 'PNG', jpg: 'JPEG', jpeg: 'JPEG', webp: 'WEBP' };

/** Uploads a picture from disk, and returns the id by which orders use it. */
export async function uploadImage(service: Service, path: string): Promise<string> {
  const contentType = types[path.split('.').at(-1)?.toLowerCase() ?? ''];
  if (!contentType) throw new Error(`${path} is not a PNG, JPEG or WebP file.`);
  const body = await openAsBlob(path);
  const input = { contentType, sizeBytes: body.size };
  const { createVideoImageUpload } = await clientOf(service).request(createUploadDocument, { input });
  const { id, url, method, headers } = createVideoImageUpload?.upload ?? {};
  if (!id || !url || !method) throw new Error('The service answered the upload with nothing.');
  const response = await fetch(url, {
    method,
    headers: headers?.map(({ name, value }): [string, string] => [name, value]) ?? [],
    body,
  });
  if (!response.ok) throw new Error(`${path} was not taken: ${await reasonOf(response)}`);
  return id;
}

/** The service answers a refused image as it answers a refused request. */
async function reasonOf(response: Response): Promise<string> {
  const { errors = [] } = (await response.json().catch(() => ({}))) as { errors?: { message: string }[] };
  return errors[0]?.message ?? `HTTP ${response.status}.`;
}
