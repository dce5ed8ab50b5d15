/**
 * Node's own HTTP server, which sends whoever asks for events a constant, and again to all when it is told of a change:
 * what a subscriber takes at the least.
 */
import { createServer, type ServerResponse } from 'node:http';

const eventOf = (status: string): string => {
  const task = { id: '01a203bb-e9fd-7489-b2f0-1dabe1d973f8', status, model: 'GROK_VIDEO3' };
  return `event: next\ndata: ${JSON.stringify({ data: { videoTaskUpdated: task } })}\n\n`;
};

const open = new Set<ServerResponse>();

createServer((request, response) => {
  request.resume().once('end', () => {
    if (request.headers.accept !== 'text/event-stream') {
      for (const subscriber of open) subscriber.write(eventOf('QUEUED'));
      response.end('{}');
      return;
    }
    open.add(response);
    response.once('close', () => open.delete(response));
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(eventOf('UNCONFIRMED'));
  });
}).listen(Number(process.env['PORT']), '127.0.0.1');
