/**
 * Loads one contender with one case, as a process of its own, so that it can have a processor of its own. Reads what to
 * do as JSON from standard input and writes what it saw to standard output.
 */
import { text } from 'node:stream/consumers';
import autocannon from 'autocannon';
import { cpuMeter } from '../cpu.ts';
import type { LoadOrder, Measured, Seen } from '../measure.ts';
import { isAnswer, requestsOf } from '../requests.ts';
import { watch } from '../watch.ts';

/** So long a case runs before it is measured: code is compiled, connections and statements are made. */
const warmUpSeconds = 3;

async function load(order: LoadOrder, seconds: number): Promise<Seen> {
  const { url, connections, what, protocol, seed } = order;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    setupClient: (client) => client.setRequests(requestsOf(what, protocol, seed)),
    verifyBody: (body) => isAnswer(what, String(body)),
  });
  return {
    perSecond: result['2xx'] / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    answers: result['2xx'],
    wrong: result.non2xx + result.errors + result.timeouts + result.mismatches,
  };
}

const order = JSON.parse(await text(process.stdin)) as LoadOrder;
const run = order.what === 'watch' ? watch : load;
await run(order, Math.min(warmUpSeconds, order.seconds));
const [cpu, loadCpu] = [cpuMeter(order.pid), cpuMeter(process.pid)];
const beside = Object.entries(order.besidePids ?? {}).map(([name, pid]) => [name, cpuMeter(pid)] as const);
const seen = await run(order, order.seconds);
const besideCpu = Object.fromEntries(beside.map(([name, meter]) => [name, meter().own]));
const measured: Measured = { ...seen, cpu: cpu(), loadCpu: loadCpu().own, besideCpu };
console.log(JSON.stringify(measured));
