import { z } from 'zod';
import { fetchable } from './fetchable.ts';
import { storageLocation } from './files/storage-location.ts';
import { secretIn } from './service-secret.ts';
import { byteLimit, count, limit, list } from './setting-types.ts';

/** The settings of what is kept: where files are, the links to them, and how much is stored and for how long. */
export const storageSettings = {
  STORAGE_URL: z
    .string()
    .refine(
      (url) => url === 'none' || storageLocation(url) !== null,
      'must be none, file: with the path of a folder, or s3://bucket or s3://bucket/prefix of letters, digits, dots, hyphens and underscores',
    )
    .optional()
    .describe(
      'Where files are kept: `file:…`, a folder that exists; `s3://bucket/prefix`, with or without a prefix; or `none`. Where it is not set: with SQLite a folder beside the database file, named like it (`data/videos-files`), and with PostgreSQL none.',
    ),
  STORAGE_MIN_FREE_BYTES: z.coerce
    .number()
    .int()
    .min(0)
    .default(1024 * 1024 * 1024)
    .describe(
      'With fewer bytes free on the disk of the folder, nothing more is stored. With S3 it is the disk of the temporary directory, through which files pass.',
    ),
  S3_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
    .refine(...fetchable.withoutCredentials)
    .refine(...fetchable.endingInPath)
    .optional()
    .describe('Where the S3 server is: an http(s) URL. Where it is not set, AWS in `S3_REGION`.'),
  S3_REGION: z
    .string()
    .regex(/^[a-z0-9-]+$/i, 'must be the name of a region, such as eu-central-1')
    .default('us-east-1')
    .describe('The region for which requests to S3 are signed.'),
  S3_ADDRESSING: z
    .enum(['path', 'virtual'])
    .optional()
    .describe(
      "Where the name of the bucket stands: `path` for the URL's path, `virtual` for before its host. Where it is not set, `path` with an `S3_ENDPOINT` and `virtual` without.",
    ),
  AWS_ACCESS_KEY_ID: z.string().optional().describe('The id of the key for S3; required with `s3://…`.'),
  AWS_SECRET_ACCESS_KEY: z.string().optional().describe('The secret of that key; required with `s3://…`.'),
  AWS_SESSION_TOKEN: z.string().optional().describe('The token of a temporary key, where it is one.'),
  SERVICE_SECRET: list
    .refine(
      (secrets) => secrets.length <= 2 && secrets.every((secret) => secretIn(secret) !== null),
      'must be 32 bytes in base64 or hexadecimal, as `openssl rand -base64 32` makes them, or two such secrets with a comma between them',
    )
    .optional()
    .describe(
      'What the links to stored files are signed with: 32 bytes in base64 or hexadecimal, as `openssl rand -base64 32` makes them. With two, a comma between them, the first signs, and links of both are valid. Required with PostgreSQL where files are kept; with SQLite it is made once, as `service-secret` beside the database file.',
    ),
  PUBLIC_BASE_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
    .refine(...fetchable.withoutCredentials)
    .refine(...fetchable.endingInPath)
    .transform((url) => url.replace(/\/+$/, ''))
    .optional()
    .describe(
      'Where callers reach this service, such as `https://videos.example.com`; links to stored files begin with it, and so do the URLs from which the upstream fetches uploaded images where a model takes URLs only. Where it is not set, the address on which the service listens, if that is on loopback; elsewhere it is required where files are kept.',
    ),
  FILE_LINK_HOURS: z.coerce
    .number()
    .int()
    .min(1)
    .max(168)
    .default(24)
    .describe('How many hours a link to a stored file is valid, rounded up to the hour.'),
  VIDEO_RETENTION_DAYS: limit(null)
    .refine((days) => days !== 0, 'must be at least 1, or none')
    .describe(
      'How many days a stored video is kept; `none` for good. It holds for videos that are stored from then on.',
    ),
  MAX_VIDEO_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .max(2_147_483_647)
    .default(512 * 1024 * 1024)
    .describe('How large a video may be to be stored.'),
  STORED_BYTES: byteLimit(null).describe(
    'How many bytes of files are kept for one client; `none` for no limit. Beyond it no more is stored until some are deleted.',
  ),
  STORE_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(4)
    .describe('How many videos are downloaded at the same time on one instance.'),
  STORE_BYTES_PER_SECOND: byteLimit(10_000_000).describe(
    'How many bytes a second all downloads of one instance take together; `none` for no limit. Without one, downloads from a fast host use up the processor that answers requests.',
  ),
  FILE_BYTES_PER_SECOND: byteLimit(100_000_000).describe(
    'How many bytes a second one instance sends to all readers of stored files together; `none` for no limit. With S3, readers get videos from there.',
  ),
  MAX_UPLOADS: count(100).describe('How many uploads of one client may wait for their images.'),
  UPLOAD_RETENTION_HOURS: count(24).describe(
    'How many hours a reference image is kept after it was uploaded or an order used it; at least 72 after an order.',
  ),
} as const;
