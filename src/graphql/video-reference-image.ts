import { maxUrlLength } from '../catalogue/public-url.ts';
import type { ReferenceImage as Image } from '../catalogue/reference-image.ts';
import { builder } from './builder.ts';

const VideoUrlImage = builder.objectRef<Extract<Image, { kind: 'URL' }>>('VideoUrlImage').implement({
  description: 'A reference image that was given by its URL.',
  fields: (t) => ({
    url: t.exposeString('url', {
      description: `The public http(s) URL it was given by, as the URL standard normalises it; at most ${maxUrlLength.toLocaleString('en')} characters.`,
    }),
  }),
});

const VideoInlineImage = builder.objectRef<Extract<Image, { kind: 'INLINE' }>>('VideoInlineImage').implement({
  description:
    'A reference image that was sent inline. The service keeps these facts for good and, where it stores files and has room for it, the image for at least 72 hours, so that the order can be repeated.',
  fields: (t) => ({
    mimeType: t.exposeString('mimeType', { description: 'Its mime type: `image/png`.' }),
    sizeBytes: t.exposeInt('sizeBytes', { description: 'Its size in bytes, decoded.' }),
    sha256: t.exposeString('sha256', { description: 'The SHA-256 of the image, decoded, in lower-case hexadecimal.' }),
  }),
});

const VideoUploadedImage = builder.objectRef<Extract<Image, { kind: 'UPLOAD' }>>('VideoUploadedImage').implement({
  description: 'A reference image that was uploaded. The service keeps these facts for good, and the image for a time.',
  fields: (t) => ({
    uploadId: t.exposeID('uploadId', {
      description: 'The id of the upload: `videoImageUpload` says whether its image is still kept.',
    }),
    mimeType: t.exposeString('mimeType', { description: 'Its mime type: `image/png`.' }),
    sizeBytes: t.exposeInt('sizeBytes', { description: 'Its size in bytes.' }),
    sha256: t.exposeString('sha256', { description: 'The SHA-256 of the image, in lower-case hexadecimal.' }),
  }),
});

const typesByKind = { URL: VideoUrlImage, INLINE: VideoInlineImage, UPLOAD: VideoUploadedImage } as const;

export const VideoReferenceImage = builder.unionType('VideoReferenceImage', {
  description: 'A reference image of an order, by the form it was given in.',
  types: [VideoUrlImage, VideoInlineImage, VideoUploadedImage],
  resolveType: ({ kind }) => typesByKind[kind],
});
