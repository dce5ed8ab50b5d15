/**
 * The stand-in for the paid API, for the service and for every peer: an order is accepted at once, and a task whose
 * second check it is has its video. Started by the bench with a port as its argument.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

let accepted = 0;
const checks = new Map<string, number>();

function answer(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function check(request: IncomingMessage, response: ServerResponse): void {
  const id = request.url?.split('/').at(-1) ?? '';
  const seen = (checks.get(id) ?? 0) + 1;
  checks.set(id, seen);
  const done = seen > 1 && {
    status: 'completed',
    video_url: `https://videos.example.com/${id}.mp4`,
    actualDuration: 10,
  };
  answer(response, { id, object: 'video', status: 'queued', video_url: null, error: null, ...done });
}

const server = createServer((request, response) => {
  // An order counts when all of it is there.
  if (request.method === 'GET') check(request, response);
  else
    request.resume().once('end', () => {
      accepted += 1;
      answer(response, { id: `video_${accepted}`, object: 'video', status: 'queued', error: null });
    });
});
// Longer than any pause of the load, because closed idle connections are not what is measured.
server.keepAliveTimeout = 120_000;
server.listen(Number(process.argv[2]), '127.0.0.1');
