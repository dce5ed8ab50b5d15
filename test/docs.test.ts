import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type DurationRule, maxImagesUndocumented, models } from '../src/catalogue/models.ts';
import { settingNames } from '../src/environment.ts';
import { inputFieldOf } from '../src/graphql/names.ts';
import { errorCodes } from '../src/graphql/public-error.ts';
import { outcomeWords } from '../src/sandbox/read-order.ts';
import { failures } from '../src/tasks/failures.ts';

const readme = readFileSync('README.md', 'utf8');
const yesOrNo = (fact: boolean) => (fact ? 'yes' : 'no');

test.each(settingNames)('README explains the setting %s', (name) => {
  expect(readme).toMatch(new RegExp(`^\\| .*\`${name}\``, 'm'));
});

test.each(Object.entries(failures))('README says what the failure %s means', (code, facts) => {
  expect(readme).toContain(
    `| \`${code}\` | ${facts.description} | ${yesOrNo(facts.mayBeBilled)} | ${yesOrNo(facts.retryable)} |`,
  );
});

test.each(Object.entries(errorCodes))('README says what the error %s means', (code, { description, retryable }) => {
  expect(readme).toContain(`| \`${code}\` | ${description} | ${yesOrNo(retryable)} |`);
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
  const form = capability.images.forms.length === 1 ? 'public URLs' : 'URLs or data URIs';
  expect(readme).toContain(`${cells.at(-1)}${form} | per ${capability.billingUnit.toLowerCase()} |`);
});

test('README names no setting, failure or model that is not there', () => {
  const words = [...readme.matchAll(/`([A-Z]+(?:_[A-Z0-9]+)+)`/g)].map(([, word]) => word);
  const known = new Set([...settingNames, ...Object.keys(failures), ...Object.keys(errorCodes)]);
  expect(words.filter((word) => word && !known.has(word) && !word.startsWith('REQUEST_'))).toEqual([]);
});
