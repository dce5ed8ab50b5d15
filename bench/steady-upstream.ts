/**
 * A stand-in for the paid API whose tasks stay in the queue for ever, and which notes when it was asked about which: that is
 * how late a check was, seen from outside. Started by the tracking bench with a port and an answer's delay in
 * milliseconds; `/arrivals` gives what was noted.
 */
import { createServer, type ServerResponse } from 'node:http';

/** Milliseconds since the epoch, by the upstream's id. */
const arrivals: Record<string, number[]> = {};
const delayMs = Number(process.argv[3]);

function answer(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const server = createServer(({ url }, response) => {
  if (url === '/arrivals') return answer(response, arrivals);
  const id = url?.split('/').at(-1) ?? '';
  arrivals[id] ??= [];
  arrivals[id].push(Date.now());
  const body = { id, object: 'video', status: 'queued', video_url: null, error: null };
  if (delayMs === 0) answer(response, body);
  else setTimeout(() => answer(response, body), delayMs);
});
// Longer than any pause between checks.
server.keepAliveTimeout = 120_000;
server.listen(Number(process.argv[2]), '127.0.0.1');
