import { StorageError } from '../storage-error.ts';

/** The server answered with an error. */
export class S3RefusalError extends StorageError {
  /** HTTP status. */
  readonly status: number;
  /** The code of S3, such as NoSuchKey; empty where the answer has none. */
  readonly code: string;

  constructor(place: string, method: string, status: number, body: string) {
    const [, code = ''] = /<Code>([A-Za-z0-9.]{1,64})<\/Code>/.exec(body) ?? [];
    const answer = code === '' ? `HTTP ${status}` : `HTTP ${status}, ${code}`;
    const meaning = meanings[code];
    super(`A ${method} was refused by ${place} with ${answer}${meaning ? `: ${meaning}` : ''}.`);
    this.status = status;
    this.code = code;
  }
}

const wrongRegion = 'S3_REGION or S3_ENDPOINT is that of another region';

/** What the operator can do about a code. */
const meanings: Readonly<Record<string, string>> = {
  AccessDenied:
    'the key has no permission for this; it needs s3:GetObject, s3:PutObject and s3:DeleteObject for the files, and s3:ListBucket for the bucket',
  AuthorizationHeaderMalformed: wrongRegion,
  ExpiredToken: 'AWS_SESSION_TOKEN has expired',
  InvalidAccessKeyId: 'AWS_ACCESS_KEY_ID is not known there',
  InvalidToken: 'AWS_SESSION_TOKEN is not valid',
  NoSuchBucket: 'there is no such bucket',
  PermanentRedirect: wrongRegion,
  RequestTimeTooSkewed: 'the clock of this machine is wrong',
  SignatureDoesNotMatch: 'AWS_SECRET_ACCESS_KEY is not the secret of AWS_ACCESS_KEY_ID',
  TemporaryRedirect: wrongRegion,
};

/** The result of a request, or null where the object is not there. */
export async function nullIfMissing<Result>(call: Promise<Result>): Promise<Result | null> {
  try {
    return await call;
  } catch (error) {
    // The answer to a HEAD has no body, and so no code.
    if (error instanceof S3RefusalError && error.status === 404 && error.code !== 'NoSuchBucket') return null;
    throw error;
  }
}
