import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reference } from '../scripts/print-reference.ts';
import { type DurationRule, maxImagesUndocumented, models } from '../src/catalogue/models.ts';
import { inputFieldOf } from '../src/graphql/names.ts';
import { errorCodes } from '../src/graphql/public-error.ts';
import { outcomeWords } from '../src/sandbox/read-order.ts';
import { settings } from '../src/settings.ts';
import { failures } from '../src/tasks/failures.ts';
import { takesDataUris } from './support/image-orders.ts';

const readme = readFileSync('README.md', 'utf8');
const pages = ['README.md', ...readdirSync('docs').filter((name) => name.endsWith('.md'))].map((name) =>
  readFileSync(name === 'README.md' ? name : join('docs', name), 'utf8'),
);

test('docs/reference.md is written from the tables of settings and codes', () => {
  expect(readFileSync('docs/reference.md', 'utf8')).toBe(reference());
});

test.each(Object.entries(settings.shape))('the setting %s says what it means', (_, { description }) => {
  expect(description).toMatch(/\.$/);
});

test('README has 130 lines at most, because a newcomer reads all of it', () => {
  expect(readme.split('\n').length).toBeLessThanOrEqual(130);
});

test.each(Object.keys(outcomeWords))('README says what the word %s does in the sandbox', (word) => {
  expect(readme).toContain(`| \`${word}\` |`);
});

const durationsOf = (rule: DurationRule) => ('min' in rule ? `${rule.min}–${rule.max}` : rule.values.join(', '));

test.each(Object.entries(models))("README's row for %s is the capability table's", (name, capability) => {
  const cells = [
    `\`${inputFieldOf(name as keyof typeof models)}\``,
    'durationSeconds' in capability
      ? `${durationsOf(capability.durationSeconds)}, default ${capability.durationSeconds.default}`
      : `always ${capability.fixed.durationSeconds}`,
    'aspectRatio' in capability ? capability.aspectRatio.values.join(', ') : `always ${capability.fixed.aspectRatio}`,
    'resolution' in capability ? capability.resolution.values.join(', ') : `always ${capability.fixed.resolution}`,
    'max' in capability.images ? `${capability.images.max}, ` : `${maxImagesUndocumented} (no documented maximum), `,
  ];
  expect(readme).toContain(`| ${cells.join(' | ')}`);
  const form = takesDataUris(name as keyof typeof models) ? 'URLs, data URIs or uploads' : 'public URLs or uploads';
  expect(readme).toContain(`${cells.at(-1)}${form} | per ${capability.billingUnit.toLowerCase()} |`);
});

test('no page names a setting, failure or code that is not there', () => {
  const words = pages.flatMap((page) => [...page.matchAll(/`([A-Z]+(?:_[A-Z0-9]+)+)`/g)].map(([, word = '']) => word));
  const others = ['NODE_COMPILE_CACHE', 'NODE_EXTRA_CA_CERTS', 'HTTP_PROXY', 'VIDEO_API_URL', 'VIDEO_API_KEY'];
  const known = new Set([
    ...Object.keys(settings.shape),
    ...Object.keys(failures),
    ...Object.keys(errorCodes),
    ...Object.keys(models),
    ...others,
  ]);
  expect(words.filter((word) => !known.has(word))).toEqual([]);
});
