import { defineConfig } from '@graphql-hive/gateway';

/** Of a client's headers the video service wants to see: who it is, and its name for the order and for the request. */
const passedOn = ['authorization', 'idempotency-key', 'x-request-id'];

export const gatewayConfig = defineConfig({
  propagateHeaders: {
    fromClientToSubgraphs({ request, subgraphName }) {
      // The key is sent to the video service only.
      if (subgraphName !== 'videos') return;
      return Object.fromEntries(passedOn.map((name) => [name, request.headers.get(name)]));
    },
  },
});
