import { readFileSync } from 'node:fs';

/** Both in parts of one processor; null where the system does not say it. */
export interface CpuUse {
  /** What the process used, and its children. */
  readonly own: number | null;
  /** How much of the pinned processor other programs used: 0 if none disturbed it. */
  readonly others: number | null;
}

/** The times of Linux's /proc count in hundredths of a second. */
const ticksPerSecond = 100;

const fieldsOf = (path: string, isWanted: (line: string) => boolean): string[] => {
  try {
    const line = readFileSync(path, 'utf8').split('\n').find(isWanted) ?? '';
    // A process's name, in brackets, may hold anything.
    return line.replace(/\(.*\)/, 'name').split(/ +/);
  } catch {
    return [];
  }
};

/** User and system time of a process and of all that it has started, in seconds; NaN where there is no /proc. */
export function ownSeconds(pid: number): number {
  const fields = fieldsOf(`/proc/${pid}/stat`, () => true);
  // The time of the process itself, of its ended children and of its running ones.
  const ticks = fields.slice(13, 17).reduce((sum, field) => sum + Number(field), 0);
  const children = fieldsOf(`/proc/${pid}/task/${pid}/children`, () => true).filter((child) => child !== '');
  const ofChildren = children.reduce((sum, child) => sum + ownSeconds(Number(child)), 0);
  return fields.length === 0 ? Number.NaN : ticks / ticksPerSecond + ofChildren;
}

/** The busy time of the first processor, without idling and waiting for the disk, in seconds. */
function coreSeconds(): number {
  const [, user, nice, system, , , ...interrupted] = fieldsOf('/proc/stat', (line) => line.startsWith('cpu0 ')).map(
    Number,
  );
  // Interrupts and what a host took from a guest; the guests' own time is in the user's already.
  const [irq = 0, softIrq = 0, stolen = 0] = interrupted;
  return ((user ?? Number.NaN) + (nice ?? 0) + (system ?? 0) + irq + softIrq + stolen) / ticksPerSecond;
}

/** Returns a function that returns the use since this call. */
export function cpuMeter(pid: number): () => CpuUse {
  const [own, core, started] = [ownSeconds(pid), coreSeconds(), performance.now()];
  return () => {
    const took = (performance.now() - started) / 1_000;
    const used = (ownSeconds(pid) - own) / took;
    const others = (coreSeconds() - core) / took - used;
    return { own: Number.isNaN(used) ? null : used, others: Number.isNaN(others) ? null : Math.max(0, others) };
  };
}
