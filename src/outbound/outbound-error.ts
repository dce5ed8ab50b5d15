export type OutboundErrorKind =
  /** The URL, or what its host leads to, may not be called. Nothing was sent to it. */
  | 'ADDRESS_REFUSED'
  /** There was no connection, because the DNS, the network or the certificate failed. */
  | 'UNREACHABLE'
  /** A time limit of the request was reached. */
  | 'TIMEOUT'
  /** The body, or the headers, have more bytes than allowed. */
  | 'TOO_LARGE'
  /** A redirect that is not followed, or one too many. */
  | 'REDIRECTS'
  /** The body is compressed, although that was not asked for. */
  | 'ENCODED'
  /** The connection broke off, or what came is not valid HTTP. A part of the body may have arrived. */
  | 'BROKEN';

/**
 * Why a request brought no answer, or not the whole of it. The message is for the operator and for the owner of the
 * URL: it names the host at most, never the path or the query, which may hold a signature.
 */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly kind: OutboundErrorKind;
  /** The HTTP status of the answer; null where none arrived. */
  readonly status: number | null;

  constructor(kind: OutboundErrorKind, message: string, status: number | null = null) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}

/** No host that can be called has a longer name. */
const maxNamedLength = 260;

/** How messages name the host of a URL. */
export const named = ({ host }: URL): string => (host === '' ? 'the URL' : host.slice(0, maxNamedLength));

/** The code of an error of Node or OpenSSL, in brackets; empty where there is none. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^\w{1,60}$/.test(code) ? ` (${code})` : '';
}
