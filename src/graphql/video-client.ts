import { type Caller, type Scope, scopes } from '../access/caller.ts';
import { endOfDay, endOfMinute, type SpendingLimits, type Usage } from '../spending/limits.ts';
import { builder } from './builder.ts';
import { enumOf } from './enums.ts';

const VideoClientScope = enumOf(
  'VideoClientScope',
  'What a client may do.',
  Object.keys(scopes) as Scope[],
  (scope) => scope.toUpperCase(),
  (scope) => scopes[scope],
);

const VideoClientUsage = builder.objectRef<Usage>('VideoClientUsage').implement({
  description:
    'What you have ordered, as your limits count it. Orders that the upstream refused without billing them are not counted.',
  fields: (t) => ({
    submits: t.exposeInt('submits', { description: 'Orders sent in the current minute.' }),
    seconds: t.exposeInt('seconds', {
      description: 'Seconds of video ordered on the current day (UTC), from models billed by the second.',
    }),
    calls: t.exposeInt('calls', {
      description: 'Videos ordered on the current day (UTC), from models billed by the call.',
    }),
    minuteEndsAt: t.field({
      type: 'DateTime',
      description: 'When the current minute ends and `submits` starts again at 0.',
      resolve: endOfMinute,
    }),
    dayEndsAt: t.field({
      type: 'DateTime',
      description: 'When the current day ends, and `seconds` and `calls` start again at 0.',
      resolve: endOfDay,
    }),
  }),
});

const VideoClientLimits = builder.objectRef<SpendingLimits>('VideoClientLimits').implement({
  description: 'Your limits; null for no limit.',
  fields: (t) => ({
    submitsPerMinute: t.exposeInt('submitsPerMinute', {
      nullable: true,
      description: 'Orders in a minute; more are RATE_LIMITED.',
    }),
    secondsPerDay: t.exposeInt('secondsPerDay', {
      nullable: true,
      description: 'Seconds of video on a day (UTC), from models billed by the second; more are QUOTA_EXCEEDED.',
    }),
    callsPerDay: t.exposeInt('callsPerDay', {
      nullable: true,
      description: 'Videos on a day (UTC), from models billed by the call; more are QUOTA_EXCEEDED.',
    }),
    maxOpen: t.exposeInt('maxOpen', {
      nullable: true,
      description:
        'Tasks that may be open at the upstream (SUBMITTING, QUEUED or PROCESSING); further orders wait. It holds for orders that are placed with this key.',
    }),
  }),
});

const VideoClient = builder.objectRef<Caller>('VideoClient').implement({
  description: 'The client that sends this request.',
  fields: (t) => ({
    name: t.exposeString('client', {
      description:
        'The client of your key or token, as in `VideoTask.client`. A name from a token begins with `jwt:`. Without credentials, on the machine of the service, it is `local`.',
    }),
    scopes: t.expose('scopes', { type: [VideoClientScope], description: 'What your key or token allows.' }),
    usage: t.field({
      type: VideoClientUsage,
      complexity: 5,
      description: 'What you have used of your limits.',
      resolve: ({ client }, _, { ledger }) => ledger.usageOf(client),
    }),
    storedBytes: t.float({
      nullable: true,
      complexity: 5,
      description:
        'How many bytes of files the service stores for you, a whole number; null only with an error beside it.',
      resolve: ({ client }, _, { media }) => media.storedBytes(client),
    }),
    limits: t.expose('limits', { type: VideoClientLimits, description: 'Your limits.' }),
  }),
});

builder.queryField('videoClient', (t) =>
  t.field({
    type: VideoClient,
    // Any authenticated caller may read its own name and limits.
    skipTypeScopes: true,
    description: 'The client that sends this request, with its scopes, limits and usage. Takes no scope.',
    resolve: (_, __, { caller }) => caller,
  }),
);
