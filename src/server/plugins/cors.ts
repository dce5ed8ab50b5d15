import type { Logger } from 'pino';
import { isLoopback } from '../../access/authenticator.ts';

interface Settings {
  /** The origins whose pages may call. */
  readonly allowed: readonly string[];
  /** Whether orders go to the sandbox, so that a page on this machine cannot spend money. */
  readonly sandbox: boolean;
  readonly log: Logger;
}

/**
 * Says which pages may call. With the sandbox these are all pages of this machine, because a web app under development
 * has a port of its own. It replaces Yoga's list, because Yoga answers an origin that is not on the list with `null`, which
 * is the origin of every page in a sandboxed frame.
 */
export function corsFor({ allowed, sandbox, log }: Settings) {
  let logged = false;
  return (request: Request) => {
    const origin = request.headers.get('origin');
    if (origin === null) return false;
    const local = isLoopback(URL.parse(origin)?.hostname ?? '');
    if (allowed.includes(origin) || (local && sandbox)) return { origin, methods: ['GET', 'POST'], credentials: false };
    if (local && !isOwn(request, origin) && !logged) {
      logged = true;
      log.warn(`A page of ${origin} has called and cannot read the answers: CORS_ORIGINS does not name it.`);
    }
    return false;
  };
}

/** Whether the page is the service's own, such as GraphiQL, whose calls need no leave. */
const isOwn = ({ url }: Request, origin: string): boolean => URL.parse(url)?.origin === origin;
