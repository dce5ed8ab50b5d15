/**
 * Node's own HTTP server, which sends a constant to each subscriber, and another one to all on command: the lower limit
 * of what subscribers take.
 */
import { createServer, type ServerResponse } from 'node:http';

const taskIn = (status: string) => ({
  id: '01a203bb-e9fd-7489-b2f0-1dabe1d973f8',
  status,
  model: 'GROK_VIDEO3',
  prompt: 'A paper boat in the rain, seen from the kerb, as the gutter carries it past a row of shop windows',
  createdAt: '2026-11-22T17:00:00.000Z',
});

const eventOf = (status: string): string =>
  `event: next\ndata: ${JSON.stringify({ data: { videoTaskUpdated: taskIn(status) } })}\n\n`;

const open = new Set<ServerResponse>();

createServer((request, response) => {
  request.resume().once('end', () => {
    if (request.headers.accept !== 'text/event-stream') {
      for (const subscriber of open) subscriber.write(eventOf('QUEUED'));
      response.end(JSON.stringify(taskIn('QUEUED')));
      return;
    }
    open.add(response);
    response.once('close', () => open.delete(response));
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(eventOf('UNCONFIRMED'));
  });
}).listen(Number(process.env['PORT']), '127.0.0.1');
