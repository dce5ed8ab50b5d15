import type { Plugin } from 'graphql-yoga';

/**
 * Takes orders only as JSON. A form, a plain text or an `application/graphql` body can be sent by any web page without
 * the browser asking first; JSON cannot.
 */
export function useJsonOnly(): Plugin {
  return {
    onRequest({ request, fetchAPI: { Response }, endResponse }) {
      if (request.method !== 'POST') return;
      const [mediaType] = (request.headers.get('content-type') ?? '').split(';');
      if (mediaType?.trim().toLowerCase() === 'application/json') return;
      const message = 'The body must be JSON: send it with the header Content-Type: application/json.';
      endResponse(Response.json({ errors: [{ message, extensions: { code: 'BAD_REQUEST' } }] }, { status: 415 }));
    },
  };
}
