/** `npm start -- "A paper boat in the rain" --model grokVideo3Max --out boat.mp4`: README.md has the options. */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { download } from './download.ts';
import { inWords } from './errors.ts';
import { startProgress } from './progress.ts';
import { type Model, orders, type Service, submitVideo, typicalSeconds, watchVideo } from './service.ts';
import { uploadImage } from './upload.ts';

const usage = `npm start -- "<prompt>" [--model ${Object.keys(orders).join('|')}] [--image picture.jpg] [--out video.mp4] [--key <a key of yours>]`;

interface Order {
  readonly prompt: string;
  readonly model: Model;
  /** Paths of pictures, or ids of those that were uploaded before. */
  readonly images: readonly string[];
  readonly out: string;
  readonly key: string;
}

const isModel = (name: string): name is Model => Object.hasOwn(orders, name);

function readCommandLine(): Order {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      model: { type: 'string', default: 'grokVideo3' },
      image: { type: 'string', multiple: true, default: [] },
      out: { type: 'string', default: 'video.mp4' },
      key: { type: 'string', default: randomUUID() },
    },
  });
  const { model, image: images, out, key } = values;
  const [prompt, ...others] = positionals;
  if (prompt === undefined || others.length > 0) throw new Error('One prompt, in quotes, is needed.');
  if (!isModel(model)) throw new Error(`There is no model ${model}.`);
  return { prompt, model, images, out, key };
}

/** A picture from disk is uploaded. Its id is part of the order, so it has to be given to order again under one key. */
async function uploadOf(service: Service, image: string): Promise<string> {
  if (/^[0-9a-f-]{36}$/.test(image)) return image;
  const id = await uploadImage(service, image);
  console.log(`Uploaded ${image}: to run again, give --image ${id}`);
  return id;
}

/** Orders the video and waits for it. */
async function makeVideo(service: Service, { prompt, model, images, key }: Order) {
  const usual = await typicalSeconds(service, model);
  const uploads: { uploadId: string }[] = [];
  for (const image of images) uploads.push({ uploadId: await uploadOf(service, image) });
  console.log(`Ordering under --key ${key}: run again with it, and nothing is ordered twice.`);
  const { task, replayed } = await submitVideo(service, orders[model]({ prompt, images: uploads }), key);
  console.log(`Task ${task.id}${replayed ? ', ordered before' : ''}`);
  const progress = startProgress(process.stdout, usual);
  try {
    return await watchVideo(service, task.id, progress.show);
  } finally {
    progress.end();
  }
}

async function run(order: Order): Promise<void> {
  const { VIDEO_API_URL: url = 'http://127.0.0.1:4000/graphql', VIDEO_API_KEY: apiKey } = process.env;
  const video = await makeVideo({ url, apiKey }, order);
  if (video.url === null) throw new Error('The video is gone: it was deleted, or its link has expired.');
  await download(video.url, order.out);
  console.log(`Saved ${order.out}${video.durationSeconds === null ? '' : `, ${video.durationSeconds} seconds`}`);
}

let order: Order;
try {
  order = readCommandLine();
} catch (error) {
  console.error(`${inWords(error)}\n${usage}`);
  process.exit(2);
}
try {
  await run(order);
} catch (error) {
  console.error(inWords(error));
  process.exit(1);
}
