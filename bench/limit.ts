/** Node's own HTTP server, which reads the request and answers a constant of the size of a task: what no server exceeds. */
import { createServer } from 'node:http';

const id = '01a203bb-e9fd-7489-b2f0-1dabe1d973f8';
const body = JSON.stringify({
  data: {
    videoTask: {
      id,
      status: 'COMPLETED',
      model: 'GROK_VIDEO3',
      prompt: 'A paper boat in the rain, seen from the kerb, as the gutter carries it past a row of shop windows',
      createdAt: '2026-11-22T17:00:00.000Z',
      completedAt: '2026-11-22T17:02:00.000Z',
      options: { durationSeconds: 10, aspectRatio: 'RATIO_16_9', resolution: 'RESOLUTION_720P' },
      video: { url: `https://videos.example.com/${id}.mp4`, state: 'AVAILABLE' },
      failure: null,
    },
  },
});
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };

createServer((request, response) => {
  request.resume().once('end', () => response.writeHead(200, headers).end(body));
}).listen(Number(process.env['PORT']), '127.0.0.1');
