import { type Caller, type Scope, scopes } from '../access/caller.ts';
import { endOfDay, endOfMinute, type SpendingLimits, type Usage } from '../spending/usage.ts';
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
    'What you have ordered, as your limits count it: what the upstream has refused without billing it is not.',
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
      description: 'When the minute ends and `submits` begins at 0.',
      resolve: endOfMinute,
    }),
    dayEndsAt: t.field({
      type: 'DateTime',
      description: 'When the day ends, and `seconds` and `calls` begin at 0.',
      resolve: endOfDay,
    }),
  }),
});

const VideoClientLimits = builder.objectRef<SpendingLimits>('VideoClientLimits').implement({
  description: 'What you may order; null for no limit.',
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
  }),
});

const VideoClient = builder.objectRef<Caller>('VideoClient').implement({
  description: 'Who you are to the service.',
  fields: (t) => ({
    name: t.exposeString('client', {
      description:
        'The client your key or token belongs to: your tasks carry it. `jwt:` stands before a name from a token; `local` is who needs neither.',
    }),
    scopes: t.expose('scopes', { type: [VideoClientScope], description: 'What your key or token allows.' }),
    usage: t.field({
      type: VideoClientUsage,
      complexity: 5,
      description: 'What of your limits is used.',
      resolve: ({ client }, _, { ledger }) => ledger.usageOf(client),
    }),
    limits: t.expose('limits', { type: VideoClientLimits, description: 'What you may order.' }),
  }),
});

builder.queryField('videoClient', (t) =>
  t.field({
    type: VideoClient,
    // A caller that has been let in may know as whom.
    skipTypeScopes: true,
    description: 'Who you are to the service, what you may do, and how much of it is left. Takes no scope.',
    resolve: (_, __, { caller }) => caller,
  }),
);
