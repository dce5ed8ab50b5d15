/**
 * `npm run bench` loads this service and its alternatives, one after another and round after round, and compares them.
 * README.md beside this file says what each of them does and does not do.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { install } from '../scripts/install.ts';
import { type Contender, contenders } from './contenders.ts';
import { createDatabase } from './database.ts';
import { describeMachine } from './machine.ts';
import { type Ground, measure, measureStart, start } from './measure.ts';
import { pictureOf } from './picture.ts';
import { freePort, run, settle, stop } from './processes.ts';
import { type Outcome, reportOf, tableOf } from './report.ts';
import { type Case, cases } from './requests.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    cases: { type: 'string', default: Object.keys(cases).join() },
    only: { type: 'string', default: contenders.map(({ name }) => name).join() },
    connections: { type: 'string', default: '32' },
    /** Completed tasks in the database, each as likely to be asked for as the others. */
    tasks: { type: 'string', default: '1000' },
    /** A directory for a profile of each process, to be read with a browser's developer tools. */
    profiles: { type: 'string' },
    /** Where the result goes. */
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
  },
});

const starts = 5;

const chosen = <Name extends string>(names: readonly Name[], text: string): Name[] => {
  const unknown = text.split(',').filter((name) => !(names as readonly string[]).includes(name));
  if (unknown.length > 0) throw new Error(`${unknown.join(', ')} is none of ${names.join(', ')}.`);
  return names.filter((name) => text.split(',').includes(name));
};

const whats = chosen(Object.keys(cases) as Case[], options.cases);
const names = chosen(
  contenders.map(({ name }) => name),
  options.only,
);
const field = contenders.filter(({ name }) => names.includes(name));
const load = { seconds: Number(options.seconds), connections: Number(options.connections) };
const outcome: Outcome = { rounds: [], starts: {} };

const percent = (part: number): string => `${Math.round(part * 100)} %`;

/** One contender's turn in a round: a fresh start, then one case after the other. */
async function turn(contender: Contender, ground: Ground, round: number): Promise<void> {
  const mine = whats.filter((what) => what !== 'start' && contender.cases.includes(what));
  if (mine.length === 0) return;
  const started = await start(contender, ground);
  for (const what of mine) {
    const result = await measure(contender, started, what, ground, load);
    outcome.rounds.push({ round, contender: contender.name, case: what, ...result });
    const rate = `${Math.round(result.perSecond)}/s`.padStart(8);
    const { own, others } = result.cpu;
    const cpu = own === null ? '' : `, ${percent(own)} of a core, others ${percent(others ?? 0)}`;
    console.log(
      `round ${round}  ${contender.title.padEnd(22)}${what.padEnd(8)}${rate}  p99 ${result.p99Ms.toFixed(0)} ms${cpu}`,
    );
  }
  await stop(started.process);
}

async function compare(ground: Ground): Promise<void> {
  for (let round = 1; round <= Number(options.rounds); round++) {
    for (const contender of field) await turn(contender, ground, round);
  }
  if (!whats.includes('start')) return;
  for (const contender of field) {
    if (contender.cases.includes('start'))
      outcome.starts[contender.name] = await measureStart(contender, ground, starts);
  }
}

settle();
install(join(import.meta.dirname, 'peers'));
const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-bench-'));
try {
  const template = join(directory, 'template.db');
  const seed = await createDatabase(template, Number(options.tasks));
  const port = await freePort();
  const upstream = run(join(import.meta.dirname, 'upstream.ts'), [String(port)], { core: 1 });
  const profiles = options.profiles === undefined ? null : resolve(options.profiles);
  await compare({ directory, template, seed, upstreamUrl: `http://127.0.0.1:${port}`, profiles });
  await stop(upstream);
  const setting = { ...load, tasks: Number(options.tasks), rounds: Number(options.rounds) };
  const report = reportOf(outcome, setting, describeMachine());
  mkdirSync(options.results, { recursive: true });
  const file = join(options.results, `${report.date.slice(0, 19).replaceAll(':', '-')}.json`);
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(options.results, 'latest.svg'), pictureOf(report));
  console.log(`\n${tableOf(report)}\n\n${file}`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
