import { globSync, readFileSync } from 'node:fs';
import {
  buildSchema,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
} from 'graphql';
import { expect, test } from 'vitest';
import { commentsOf, titlesOf } from './support/prose.ts';

const pronouns = /\b(?:whoever|whatever|whichever|nobody|somebody|anybody)\b/gi;
const word = /[A-Za-z][A-Za-z'’-]*/g;

/**
 * How many of these pronouns a thousand words may have at most. A reader of a sentence with one of them has to find out
 * which part of the program it means.
 */
const maxPerThousand = 2;

/** The texts of all files that match one of the patterns, as `read` finds them in a file. */
const textsIn = (patterns: readonly string[], read: (content: string) => string[]): string[] =>
  globSync([...patterns], { exclude: ['**/node_modules/**', '**/generated/**'] }).flatMap((path) =>
    read(readFileSync(path, 'utf8')),
  );

function descriptionsOf(sdl: string): string[] {
  const schema = buildSchema(sdl);
  const described = [...Object.values(schema.getTypeMap()), ...schema.getDirectives()];
  return [...described, ...Object.values(schema.getTypeMap()).flatMap(membersOf)].map(
    ({ description }) => description ?? '',
  );
}

interface Described {
  readonly description?: string | null | undefined;
}

function membersOf(type: GraphQLNamedType): Described[] {
  if (isEnumType(type)) return [...type.getValues()];
  if (isInputObjectType(type)) return Object.values(type.getFields());
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  return Object.values(type.getFields()).flatMap((field) => [field, ...field.args]);
}

const lineComments = (content: string): string[] => content.match(/^\s*\/\/.*$/gm) ?? [];

/** Where tests, measurements, scripts and examples stand. */
const tests = ['test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts', 'examples/**/*.ts', '*.ts'];

const prose: Readonly<Record<string, () => string[]>> = {
  src: () => [
    ...textsIn(['src/**/*.ts'], commentsOf),
    ...textsIn(['schema.graphql'], descriptionsOf),
    ...textsIn(['prisma/schema.prisma'], lineComments),
  ],
  test: () => [...textsIn(tests, commentsOf), ...textsIn(tests, titlesOf)],
  docs: () => textsIn(['README.md', 'docs/*.md', 'bench/*.md'], (content) => [content]),
};

test.each(Object.entries(prose))('the comments, descriptions and titles of %s name the part that acts', (_, read) => {
  const text = read().join('\n');
  const words = text.match(word)?.length ?? 0;
  expect(words).toBeGreaterThan(1_000);
  const found = text.match(pronouns)?.length ?? 0;
  expect((found / words) * 1_000, `${found} of ${words} words`).toBeLessThanOrEqual(maxPerThousand);
});

test('comments and titles are told from strings, templates and regular expressions', () => {
  const source = `
    const url = "https://nobody"; // one
    const text = \`a \${\`b // no \${url /* two */}\`} // no\`;
    const slashes = /[/*]"/; /** three */
    test.each([url])('a title of %s', () => 1 / 2 / text); // four
  `;
  expect(commentsOf(source)).toEqual(['// one', '/* two */', '/** three */', '// four']);
  expect(titlesOf(source)).toEqual(["'a title of %s'"]);
});
