import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { AwsV4Signer } from 'aws4fetch';
import { StorageError } from '../storage-error.ts';
import { askFirstBytes, connectionError, exchange, LateError, type SentBody, textOf } from './s3-exchange.ts';
import { S3RefusalError } from './s3-refusal.ts';

export interface S3Settings {
  readonly bucket: string;
  /** What the keys of all files begin with, without a slash at its end; empty for the whole bucket. */
  readonly prefix: string;
  readonly endpoint: string;
  /** Where the name of the bucket stands: in the path, or before the name of the host. */
  readonly addressing: 'path' | 'virtual';
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | null;
}

export interface S3Request {
  readonly method: 'DELETE' | 'GET' | 'HEAD' | 'PUT';
  /** The key of an object; empty for the bucket. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: SentBody;
}

/** The pauses before a request is sent again: S3 answers now and then with 500 or 503, and asks for that. */
const retryPausesMs: readonly number[] = [200, 1_000];

const retriedStatuses = new Set([500, 502, 503, 504]);

const maxErrorBytes = 16 * 1024;

/** The SHA-256 of no bytes. */
const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** Signs requests to one bucket, and sends them. Each may be sent again, because none has another effect then. */
export class S3Requests {
  /** Where the bucket is, for messages. */
  readonly place: string;
  readonly #settings: S3Settings;
  readonly #signer: Pick<ConstructorParameters<typeof AwsV4Signer>[0], 'accessKeyId' | 'secretAccessKey'>;

  constructor(settings: S3Settings) {
    const { accessKeyId, secretAccessKey, sessionToken, region, bucket, endpoint } = settings;
    this.#settings = settings;
    // The cache holds the keys that are derived from the secret, one for each day.
    const shared = { accessKeyId, secretAccessKey, region, service: 's3', cache: new Map<string, ArrayBuffer>() };
    this.#signer = { ...shared, ...(sessionToken !== null && { sessionToken }) };
    this.place = `the bucket ${bucket} at ${new URL(endpoint).host}`;
  }

  /**
   * Sends a request, and resolves with the head of the answer where that has one of the statuses. The caller reads its
   * body, or lets go of it by `resume`.
   *
   * @throws S3RefusalError for another status, StorageError where the server does not answer.
   */
  async send(request: S3Request, ...statuses: readonly number[]): Promise<IncomingMessage> {
    const answer = await this.#answerTo(request, retryPausesMs);
    const { statusCode = 0 } = answer;
    if (statuses.includes(statusCode)) return answer;
    const body = await textOf(answer, this.place, maxErrorBytes).catch(() => '');
    throw new S3RefusalError(this.place, request.method, statusCode, body);
  }

  async #answerTo(request: S3Request, [pauseMs, ...laterMs]: readonly number[]): Promise<IncomingMessage> {
    const outcome = await this.#exchange(request).catch((error: Error) => error);
    if (pauseMs !== undefined && isTransient(outcome)) {
      if (!(outcome instanceof Error)) outcome.resume();
      await sleep(pauseMs);
      return this.#answerTo(request, laterMs);
    }
    if (outcome instanceof Error) throw connectionError(this.place, outcome);
    return outcome;
  }

  async #exchange({ method, key, query, headers, body }: S3Request): Promise<IncomingMessage> {
    const given = {
      ...headers,
      'x-amz-content-sha256': body?.sha256 ?? emptySha256,
      ...(body && { 'content-length': `${body.sizeBytes}` }),
      ...(body && body.sizeBytes >= askFirstBytes && { expect: '100-continue' }),
    };
    const signer = new AwsV4Signer({ ...this.#signer, method, url: this.#urlOf(key, query), headers: given });
    const signed = await signer.sign();
    return exchange({ method, url: strict(signed.url), headers: Object.fromEntries(signed.headers), body });
  }

  /** A URL that is signed itself, so that the request needs no headers. */
  async signedUrl(key: string, query: Readonly<Record<string, string>>, signedAt: Date): Promise<string> {
    const datetime = signedAt.toISOString().replace(/[:-]|\.\d{3}/g, '');
    const url = this.#urlOf(key, query);
    const signed = await new AwsV4Signer({ ...this.#signer, method: 'GET', url, datetime, signQuery: true }).sign();
    return strict(signed.url).href;
  }

  #urlOf(key: string, query: Readonly<Record<string, string>> = {}): string {
    const { endpoint, addressing, bucket } = this.#settings;
    const url = new URL(endpoint);
    const base = url.pathname.replace(/\/$/, '');
    if (addressing === 'virtual') url.hostname = `${bucket}.${url.hostname}`;
    url.pathname = addressing === 'virtual' ? `${base}/${key}` : `${base}/${bucket}/${key}`;
    url.search = new URLSearchParams(query).toString();
    return url.href;
  }
}

/** Whether the same request may succeed a moment later: no connection, or an error of the server's own. */
function isTransient(outcome: IncomingMessage | Error): boolean {
  if (outcome instanceof Error) return !(outcome instanceof StorageError || outcome instanceof LateError);
  return retriedStatuses.has(outcome.statusCode ?? 0);
}

/** Spaces as %20, as they were signed. A plus sign stands for a space in some servers only. */
function strict(url: URL): URL {
  return new URL(url.href.replace(/\?.*/, (query) => query.replaceAll('+', '%20')));
}
