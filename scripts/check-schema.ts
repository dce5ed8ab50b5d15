/**
 * `npm run schema:check` names what the working tree's schema.graphql changes for clients and gateways: since the last
 * release (a tag such as v1.2.0), and then a breaking change fails; before the first one, since its last version in git.
 *
 * A break that is meant is said, with its reason, in the commit that makes it: `Schema-Break: VideoTask.prompt <reason>`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type Change, ChangeType, CriticalityLevel, DiffRule, diff, type Rule } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

const file = 'schema.graphql';

interface Base {
  readonly name: string;
  readonly sdl: string;
  /** Whether clients may depend on it. */
  readonly released: boolean;
}

/** What git answers, or null where it has no answer. */
function git(...args: string[]): string | null {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return null;
  }
}

// Relative to the working directory, which need not be the top of the repository.
const fileAt = (commit: string): string | null => git('show', `${commit}:./${file}`);

function findBase(current: string): Base | null {
  const release = git('describe', '--tags', '--abbrev=0', '--match=v[0-9]*', '--match=[0-9]*')?.trim();
  const released = release && fileAt(release);
  if (released) return { name: release, sdl: released, released: true };
  // The newest is what the working tree has, unless it was changed there.
  const commits = git('log', '--max-count=2', '--format=%h', '--', file)?.trim().split('\n') ?? [];
  for (const name of commits) {
    const sdl = fileAt(name);
    if (sdl !== null && sdl !== current) return { name, sdl, released: false };
  }
  return null;
}

// The directives of the federation are used, not declared.
const parse = (sdl: string) => buildSchema(sdl, { assumeValid: true, assumeValidSDL: true });

const levelOf = ({ criticality }: Change): CriticalityLevel => criticality.level;

const compositionTypes: readonly string[] = [
  ChangeType.DirectiveUsageObjectRemoved,
  ChangeType.DirectiveUsageArgumentRemoved,
];

/** Other graphs depend on keys and shareable fields, so removing or changing one breaks them. */
const breakingComposition: Rule = ({ changes }) =>
  changes.map((change) =>
    compositionTypes.includes(change.type) && /\.@(key|shareable)\b/.test(change.path ?? '')
      ? { ...change, criticality: { level: CriticalityLevel.Breaking } }
      : change,
  );

/**
 * Only the whole of an addition is reported. Applied to all changes, the library's rule hides breaks beside additions.
 */
const simplifyingAdditions: Rule = async (input) => {
  const safe = input.changes.filter((change) => levelOf(change) === CriticalityLevel.NonBreaking);
  const kept = await DiffRule.simplifyChanges({ ...input, changes: safe });
  return input.changes.filter((change) => !safe.includes(change) || kept.includes(change));
};

const ignoringDescriptions: Rule = ({ changes }) => changes.filter(({ type }) => !type.includes('DESCRIPTION'));

function changesSince(base: Base, current: string): Promise<Change[]> {
  const rules = [ignoringDescriptions, breakingComposition, simplifyingAdditions];
  return diff(parse(base.sdl), parse(current), rules);
}

/** The paths that commits since the release declare as broken on purpose. */
function intendedBreaks(base: Base): string[] {
  const trailers = git('log', '--format=%(trailers:key=Schema-Break,valueonly,unfold)', `${base.name}..HEAD`) ?? '';
  return trailers.split('\n').flatMap((trailer) => /\S+/.exec(trailer) ?? []);
}

function print(title: string, changes: readonly Change[]): void {
  if (changes.length === 0) return;
  console.log(`\n${title}`);
  for (const { path, message } of changes) console.log(`  ${path ?? 'schema'}: ${message}`);
}

async function check(): Promise<boolean> {
  const current = readFileSync(file, 'utf8');
  const base = findBase(current);
  if (!base?.released && git('rev-parse', '--is-shallow-repository')?.trim() === 'true') {
    console.log('This clone is shallow and knows no release: `git fetch --unshallow --tags` brings them.');
  }
  if (!base) {
    console.log(`There is no other ${file} to compare with.`);
    return true;
  }
  const changes = await changesSince(base, current);
  const at = (level: CriticalityLevel) => changes.filter((change) => levelOf(change) === level);
  const intended = intendedBreaks(base);
  const isIntended = ({ path = '' }: Change) => intended.some((start) => `${path}.`.startsWith(`${start}.`));
  const breaking = at(CriticalityLevel.Breaking);
  const unintended = breaking.filter((change) => !isIntended(change));

  console.log(`${file}, compared with that of ${base.name}${changes.length === 0 ? ': no change' : ''}`);
  print('Breaking', unintended);
  print('Breaking, as intended', breaking.filter(isIntended));
  print('Dangerous', at(CriticalityLevel.Dangerous));
  print('Safe', at(CriticalityLevel.NonBreaking));
  if (unintended.length === 0) return true;
  console.log(
    base.released
      ? '\nClients of the release would break. If that is meant, say so in the commit: Schema-Break: <path> <reason>'
      : '\nNothing has been released: nobody breaks.',
  );
  return !base.released;
}

process.exitCode = (await check()) ? 0 : 1;
