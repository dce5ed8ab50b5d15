/** The middle one, and between which two the others lie. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const [below, above] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.ceil((sorted.length - 1) / 2)]];
  if (below === undefined || above === undefined) throw new Error('There is nothing to be in the middle of.');
  return { median: (below + above) / 2, min: sorted[0] ?? below, max: sorted.at(-1) ?? above };
}

/** How many times as fast: of the medians, and in the round that was best and worst for it. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Spread {
  const rounds = ours.map((value, round) => value / (theirs[round] ?? Number.NaN));
  const { min, max } = spreadOf(rounds);
  return { median: spreadOf(ours).median / spreadOf(theirs).median, min, max };
}

/** The value below which a part of all lies: 0.99 for the 99th percentile. */
export function partOf(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN;
}
