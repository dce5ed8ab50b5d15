/** The condition for rows on which no process works at `now`. */
export const unleasedAt = (now: Date) => ({ OR: [{ leasedUntil: null }, { leasedUntil: { lte: now } }] });

/** What a claim writes: the lease, and a new version, so that a write by the process that held the last lease is refused. */
export const leased = (leasedUntil: Date) => ({ leasedUntil, version: { increment: 1 } });
