import { z } from 'zod';
import { type ImageFile, type UploadState, uploadStateOf, uploadStates } from '../media/image-file.ts';
import { type ImageType, imageTypes } from '../media/image-types.ts';
import { maxUploadBytes, uploadValidMs } from '../media/image-uploads.ts';
import { builder } from './builder.ts';
import { enumOf, enumOfTable } from './enums.ts';
import { taskId } from './task-id.ts';

const VideoImageType = enumOf(
  'VideoImageType',
  'The types of reference images that can be uploaded.',
  Object.keys(imageTypes) as ImageType[],
  (type) => type,
  (type) => `\`${imageTypes[type].contentType}\`.`,
);

const VideoImageUploadState = enumOfTable('VideoImageUploadState', 'How far an upload has come.', uploadStates);

interface Header {
  readonly name: string;
  readonly value: string;
}

const VideoImageUploadHeader = builder.objectRef<Header>('VideoImageUploadHeader').implement({
  description: 'A header of the HTTP request that sends an image.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name: `Content-Type`.' }),
    value: t.exposeString('value', { description: 'Its value: `image/png`.' }),
  }),
});

const minutes = uploadValidMs / 60_000;

export const VideoImageUpload = builder.objectRef<ImageFile>('VideoImageUpload').implement({
  description:
    'A reference image that is sent to this service, and can then be ordered from by its id. It is kept as it is: what it says of itself, such as the place where a photo was taken (EXIF), stays in it and is passed on to the upstream.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Its id, a UUID v7: the `uploadId` of images of orders.' }),
    state: t.field({
      type: VideoImageUploadState,
      description: 'How far it has come.',
      resolve: (file, _, { now }): UploadState => uploadStateOf(file, now()),
    }),
    url: t.string({
      nullable: true,
      description: `Where to send the image, once: the body of an HTTP request with \`method\` and \`headers\`, which takes no key and may come from any web page. Null where \`state\` is not WAITING, and for a key without the scope \`submit\`.`,
      resolve: (file, _, { uploads, caller }) =>
        caller.scopes.includes('submit') ? (uploads.linkOf(file)?.url ?? null) : null,
    }),
    method: t.string({ description: 'The method of that request: `PUT`.', resolve: () => 'PUT' }),
    headers: t.field({
      type: [VideoImageUploadHeader],
      description: 'The headers of that request.',
      resolve: ({ contentType }) => [{ name: 'Content-Type', value: contentType }],
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: `Until when the image may be sent: ${minutes} minutes after the upload was created. Null where it is not known; at present it always is.`,
      resolve: ({ uploadUntil }) => uploadUntil,
    }),
    contentType: t.exposeString('contentType', { description: 'Its mime type: `image/png`.' }),
    sizeBytes: t.exposeInt('sizeBytes', { description: 'Its size in bytes.' }),
    sha256: t.exposeString('sha256', {
      nullable: true,
      description: 'The SHA-256 of the image, in lower-case hexadecimal; null until it has arrived.',
    }),
    widthPixels: t.exposeInt('widthPixels', {
      nullable: true,
      description:
        'Its width in pixels, as its header says; null until it has arrived, and where the header does not say.',
    }),
    heightPixels: t.exposeInt('heightPixels', {
      nullable: true,
      description:
        'Its height in pixels, as its header says; null until it has arrived, and where the header does not say.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the upload was created.' }),
    deleteAt: t.expose('deleteAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the service deletes the image: a day after it arrived unless the operator has set `UPLOAD_RETENTION_HOURS`, and at least 72 hours after an order has used it. Null until it has arrived.',
    }),
  }),
});

const CreateVideoImageUploadInput = builder.inputType('CreateVideoImageUploadInput', {
  description: 'The image that is to be uploaded.',
  fields: (t) => ({
    contentType: t.field({ type: VideoImageType, required: true, description: 'Its type, by its first bytes.' }),
    sizeBytes: t.int({
      required: true,
      description: `Its size in bytes, exactly: 1 to ${maxUploadBytes.toLocaleString('en')}, a limit of this service's own.`,
      validate: z.number().min(1, 'must be at least 1').max(maxUploadBytes, `must be at most ${maxUploadBytes}`),
    }),
  }),
});

const CreateVideoImageUploadPayload = builder
  .objectRef<{ upload: ImageFile }>('CreateVideoImageUploadPayload')
  .implement({
    description: 'The result of creating an upload.',
    fields: (t) => ({
      upload: t.expose('upload', { type: VideoImageUpload, description: 'The upload, which waits for its image.' }),
    }),
  });

builder.mutationField('createVideoImageUpload', (t) =>
  t.field({
    type: CreateVideoImageUploadPayload,
    nullable: true,
    description:
      'Creates an upload for a reference image. This spends nothing. Send the image to its `url`, then order with its id as `uploadId`. LIMIT_EXCEEDED where too many uploads of the client wait for their images (`MAX_UPLOADS`) or its files take too many bytes (`STORED_BYTES`); NOT_CONFIGURED where the service stores no files.',
    args: {
      input: t.arg({ type: CreateVideoImageUploadInput, required: true, description: 'The image to be uploaded.' }),
    },
    resolve: async (_, { input }, { uploads, caller }) => ({
      upload: await uploads.create(caller.client, input.contentType, input.sizeBytes),
    }),
  }),
);

builder.queryField('videoImageUpload', (t) =>
  t.field({
    type: VideoImageUpload,
    nullable: true,
    description:
      'An upload by its id; null where there is none or it is not yours. It can be read for 30 days after its image was deleted.',
    args: {
      id: t.arg.id({ required: true, description: "The upload's id; in upper case it is the same.", validate: taskId }),
    },
    resolve: (_, { id }, { uploads, caller }) => uploads.find(caller, id),
  }),
);
