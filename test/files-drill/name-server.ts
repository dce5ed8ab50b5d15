/** Loaded before the service (`--import`), so that its look-ups ask the name server of the drill. */
import { Resolver } from 'node:dns/promises';

const { DRILL_NAME_SERVER: server = '' } = process.env;

for (const method of ['resolve4', 'resolve6'] as const) {
  const original = Resolver.prototype[method];
  Object.defineProperty(Resolver.prototype, method, {
    value(this: Resolver, ...parameters: unknown[]) {
      // The servers cannot be changed during a look-up.
      if (this.getServers()[0] !== server) this.setServers([server]);
      return Reflect.apply(original, this, parameters);
    },
  });
}
