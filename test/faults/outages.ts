import type { FaultyUpstream } from './upstream.ts';
import type { Outage } from './upstream-faults.ts';

/** For so long the upstream takes no order. Returns at once. */
export function beginOutage(upstream: FaultyUpstream, by: Outage, ms: number): void {
  const end = by === 'no connection' ? disconnected(upstream) : refusing(upstream, by);
  setTimeout(end, ms).unref();
}

function disconnected(upstream: FaultyUpstream): () => void {
  upstream.disconnect();
  return () => void upstream.connect();
}

function refusing(upstream: FaultyUpstream, by: Exclude<Outage, 'no connection'>): () => void {
  const refusal = () => by;
  upstream.refusal = refusal;
  return () => {
    // A later outage may have begun.
    if (upstream.refusal === refusal) upstream.refusal = () => null;
  };
}
