import { contenders } from './contenders.ts';
import type { Measured, StartCost } from './measure.ts';
import { type Case, cases } from './requests.ts';
import { ratioOf, type Spread, spreadOf } from './statistics.ts';

/** One measurement. */
interface Round extends Measured {
  readonly round: number;
  readonly contender: string;
  readonly case: Case;
}

/** All of them, as they came. */
export interface Outcome {
  readonly rounds: Round[];
  readonly starts: Record<string, StartCost>;
}

interface Line {
  readonly contender: string;
  readonly case: Case;
  readonly perSecond: Spread;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The median use of its processor, 1 being all of it, and the most that anything else used of it in a round. */
  readonly cpu: number | null;
  readonly disturbed: number | null;
  /** Answers for each second of processor time that it used itself: what remains comparable on a machine with other work. */
  readonly perCpuSecond: Spread | null;
  /** How many times as many answers this service gave, by time and by processor time. */
  readonly serviceRatio: Spread | null;
  readonly serviceCpuRatio: Spread | null;
}

interface StartLine {
  readonly contender: string;
  readonly readyMs: Spread;
  readonly idleMegabytes: number | null;
}

interface Setting {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
  readonly tasks: number;
}

export interface Machine {
  readonly node: string;
  readonly cores: number;
  readonly processor: string;
  readonly loadAverage: readonly number[];
  readonly pinned: string;
  readonly peers: Readonly<Record<string, string>>;
}

export interface Report {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly setting: Setting;
  readonly lines: readonly Line[];
  readonly starts: readonly StartLine[];
  readonly rounds: readonly Round[];
}

const isPlace = (word: string): boolean => ['--results', '--profiles'].includes(word);

/** The command line, but for the places on this machine to which something was to be written. */
const given = process.argv.slice(2).filter((word, index, words) => !isPlace(word) && !isPlace(words[index - 1] ?? ''));

export function reportOf({ rounds, starts }: Outcome, setting: Setting, machine: Machine): Report {
  const names = contenders.map(({ name }) => name);
  const lines = (Object.keys(cases) as Case[]).flatMap((what) => names.flatMap((name) => lineOf(rounds, what, name)));
  const startLines = Object.entries(starts).map(([contender, { readyMs, idleMegabytes }]) => ({
    contender,
    readyMs: spreadOf(readyMs),
    idleMegabytes,
  }));
  const command = ['npm run bench', ...(given.length > 0 ? ['--', ...given] : [])].join(' ');
  return { date: new Date().toISOString(), command, machine, setting, lines, starts: startLines, rounds };
}

/** One line, or none where it was not measured. */
function lineOf(rounds: readonly Round[], what: Case, contender: string): Line[] {
  const of = (name: string) => rounds.filter((round) => round.case === what && round.contender === name);
  const mine = of(contender);
  if (mine.length === 0) return [];
  const service = contender === 'service' ? [] : of('service');
  const compared = (rates: (all: readonly Round[]) => number[]) => {
    const [ours, theirs] = [rates(service), rates(mine)];
    return ours.length > 0 && theirs.length > 0 ? ratioOf(ours, theirs) : null;
  };
  const used = mine.flatMap(({ cpu }) => cpu.own ?? []);
  return [
    {
      contender,
      case: what,
      perSecond: spreadOf(byTime(mine)),
      p50Ms: spreadOf(mine.map(({ p50Ms }) => p50Ms)).median,
      p99Ms: spreadOf(mine.map(({ p99Ms }) => p99Ms)).median,
      cpu: used.length > 0 ? spreadOf(used).median : null,
      disturbed: used.length > 0 ? Math.max(...mine.map(({ cpu }) => cpu.others ?? 0)) : null,
      perCpuSecond: used.length > 0 ? spreadOf(byCpuTime(mine)) : null,
      serviceRatio: compared(byTime),
      serviceCpuRatio: compared(byCpuTime),
    },
  ];
}

const byTime = (rounds: readonly Round[]) => rounds.map(({ perSecond }) => perSecond);
const byCpuTime = (rounds: readonly Round[]) =>
  rounds.flatMap(({ perSecond, cpu }) => (cpu.own ? perSecond / cpu.own : []));

export const titleOf = (name: string): string => contenders.find((contender) => contender.name === name)?.title ?? name;

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const times = ({ median, min, max }: Spread): string => `${median.toFixed(2)}× (${min.toFixed(2)}–${max.toFixed(2)})`;

const lineCells = (line: Line): string[] => [
  cases[line.case],
  titleOf(line.contender),
  whole(line.perSecond.median),
  `${whole(line.perSecond.min)}–${whole(line.perSecond.max)}`,
  line.p50Ms.toFixed(0),
  line.p99Ms.toFixed(0),
  line.cpu === null ? '' : `${whole(line.cpu * 100)} %`,
  line.disturbed === null ? '' : `${whole(line.disturbed * 100)} %`,
  line.perCpuSecond ? whole(line.perCpuSecond.median) : '',
  line.serviceRatio ? times(line.serviceRatio) : '',
  line.serviceCpuRatio ? times(line.serviceCpuRatio) : '',
];

const startCells = ({ contender, readyMs, idleMegabytes }: StartLine): string[] => [
  titleOf(contender),
  whole(readyMs.median),
  `${whole(readyMs.min)}–${whole(readyMs.max)}`,
  idleMegabytes === null ? '' : whole(idleMegabytes),
];

/** The report as text. */
export function tableOf({ lines, starts, machine, setting, command }: Report): string {
  const heads = ['case', 'contender', 'per second', 'min–max', 'p50 ms', 'p99 ms', 'its core', 'others there'];
  const compared = ['per core second', 'service is', 'by core second'];
  const parts = [`${command}\n${JSON.stringify({ ...setting, ...machine })}`];
  if (lines.length > 0) parts.push(grid([[...heads, ...compared], ...lines.map(lineCells)]));
  if (starts.length > 0)
    parts.push(grid([['start', 'ready after ms', 'min–max', 'idle MB'], ...starts.map(startCells)]));
  return parts.join('\n\n');
}

/** As Markdown. */
export function grid([heads = [], ...rows]: string[][]): string {
  const widths = heads.map((head, column) =>
    Math.max(...[heads, ...rows].map((row) => row[column]?.length ?? 0), head.length),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(heads), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
