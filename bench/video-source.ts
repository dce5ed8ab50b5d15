/** The paid API and the host of its videos at once: each order has its video, of the size that the first argument says. */
import { createServer } from 'node:http';
import { getPriority, setPriority } from 'node:os';
import { text } from 'node:stream/consumers';

// What measures shares the processor with this, and comes first.
setPriority(getPriority() + 10);

const [sizeBytes, port] = process.argv.slice(2).map(Number) as [number, number];
const part = Buffer.alloc(64 * 1024, 'v');
const head = Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1');
let orders = 0;

function* video(): Generator<Buffer> {
  yield head;
  for (let left = sizeBytes - head.length; left > 0; left -= part.length)
    yield left < part.length ? part.subarray(0, left) : part;
}

const server = createServer(async (request, response) => {
  const { url = '', method } = request;
  if (url.endsWith('.mp4')) {
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': sizeBytes });
    const parts = video();
    const send = () => {
      for (let { value, done } = parts.next(); ; { value, done } = parts.next()) {
        if (done) return void response.end();
        if (!response.write(value)) return void response.once('drain', send);
      }
    };
    return send();
  }
  await text(request);
  if (method === 'POST') orders += 1;
  const id = method === 'POST' ? `video_${orders}` : url.split('/').at(-1);
  const done = { status: 'completed', video_url: `http://127.0.0.1:${port}/${id}.mp4`, actualDuration: 10 };
  const state = method === 'POST' ? { status: 'queued' } : done;
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ id, object: 'video', ...state }));
});
server.listen(port, '127.0.0.1');
