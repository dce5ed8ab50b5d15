import { describe, expect, test } from 'vitest';
import { anOrder, createTestApp } from '../support/app.ts';
import { createKeyByCommand, runKeys, withAuthorization } from '../support/callers.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { answerToToken, expectAllRefused, expectGoodLetIn, letIn, startIssuer, tokenOf } from '../support/issuer.ts';
import { placed } from '../support/placing.ts';

const longest = 'a'.repeat(255);
/** Characters of four bytes each, which are two code units in JavaScript. */
const longestOfBoats = '🛶'.repeat(255);

const names = [
  'a',
  'app',
  'App',
  'Ann Lee',
  'auth0|5f7c8ec7c33c6c004bbafe82',
  'https://id.example.com/#1',
  'ann@example.com',
  'Jos\u00e9',
  'Łódź-東京-עברית-हिन्दी',
  '\'; DROP TABLE "VideoTask"; --',
  '%_\\',
  'jwt:app',
  '__proto__',
  longest,
  longestOfBoats,
];

/** Texts that are not names, by the reason. */
const noNames: Record<string, unknown> = {
  'empty text': '',
  'a number': 7,
  'a list': ['app'],
  'an object': { sub: 'app' },
  nothing: null,
  'a truth': true,
  'the first half of a surrogate pair': 'app\ud83d',
  'the second half of a surrogate pair': '\udef6app',
  'the halves of a surrogate pair in the wrong order': '\udef6\ud83d',
  'U+0000': 'app\0',
  'U+0000 before others': '\0app',
  'a line feed': 'app\n',
  'a tab': 'a\tp',
  escape: '\u001b[31mapp',
  delete: 'app\u007f',
  'a control of Latin-1': 'app\u0085',
  'a soft hyphen': 'a\u00adpp',
  'a zero-width space': 'a\u200bpp',
  'a zero-width joiner': 'a\u200dpp',
  'a byte order mark': '\ufeffapp',
  'an override of the direction': 'a\u202epp',
  'an isolate of the direction': 'a\u2066pp',
  'a tag': 'app\u{e0061}',
  'a combining grapheme joiner': 'a\u034fpp',
  'a variation selector': 'app\ufe0f',
  'a Hangul filler': 'app\u3164',
  'a private character': 'app\ue000',
  'an unassigned character': 'app\u0378',
  'a character that is none': 'app\uffff',
  'a replacement character': 'app\ufffd',
  'a blank of Braille': 'app\u2800',
  'a line separator': 'a\u2028p',
  'a paragraph separator': 'a\u2029p',
  'a space before': ' app',
  'a space behind': 'app ',
  'nothing but a space': ' ',
  'two spaces': 'Ann  Lee',
  'a space that does not break': 'Ann\u00a0Lee',
  'a wide space': 'Ann\u3000Lee',
  'an Ogham space': 'Ann\u1680Lee',
  'a letter and its accent, which is one character in the normal form': 'Jose\u0301',
  'a mark before all others': '\u0301app',
  'a mark that begins a word': 'Ann \u0301Lee',
  'a wide letter': '\uff41pp',
  'a ligature': '\ufb01lm',
  'the Kelvin sign': '\u212aelvin',
  '256 characters': `${longest}a`,
  '256 characters of four bytes': `${longestOfBoats}🛶`,
  '8,000 characters': 'a'.repeat(8_000),
};

test('a token whose client is no well-formed, printable text of 1 to 255 characters is refused like any other', async () => {
  const { settings } = await startIssuer();
  const app = await createTestApp({ settings });
  await expectGoodLetIn(app);
  await expectAllRefused(
    app,
    Object.fromEntries(Object.entries(noNames).map(([what, sub]) => [what, tokenOf('', { sub })])),
  );
  const answers = await Promise.all(names.map((name) => answerToToken(app, tokenOf(name))));
  expect(answers).toEqual(names.map((name) => letIn(`jwt:${name}`, 'READ', 'SUBMIT')));
});

test('the rule holds for every claim that can name the client', async () => {
  const { settings } = await startIssuer();
  const app = await createTestApp({ settings: { ...settings, JWT_CLIENT_CLAIM: 'azp' } });
  expect(await answerToToken(app, tokenOf('\0', { azp: 'shop' }))).toEqual(letIn('jwt:shop', 'READ', 'SUBMIT'));
  await expectAllRefused(app, { azp: tokenOf('app', { azp: 'app\ud83d' }) });
});

describe.each(databaseProviders)('on %s', (provider) => {
  test('tokens of two clients share no task and no idempotency key, for any pair of names', async () => {
    const { settings } = await startIssuer();
    const app = await createTestApp({ settings, databaseUrl: await freshDatabase(provider) });
    const key = 'k'.repeat(255);
    const mine = new Map<string, string>();
    for (const name of names) {
      const { replayed, task } = await placed(withAuthorization(app, `Bearer ${tokenOf(name)}`), anOrder, key);
      expect({ replayed, status: task.status }).toEqual({ replayed: false, status: 'QUEUED' });
      mine.set(name, task.id);
    }
    expect(app.upstream.submits).toHaveLength(names.length);
    for (const name of names) {
      const { query } = withAuthorization(app, `Bearer ${tokenOf(name)}`);
      const { data } = await query('{ videoTasks { edges { node { id client } } } }');
      expect(data.videoTasks.edges).toEqual([{ node: { id: mine.get(name), client: `jwt:${name}` } }]);
    }
  });
});

test('the command makes a key for a name that is one', async () => {
  const databaseUrl = await freshDatabase();
  const app = await createTestApp({ databaseUrl });
  for (const name of ['Ann Lee', longestOfBoats]) {
    const { key } = await createKeyByCommand(databaseUrl, '--name', name);
    const { query } = withAuthorization(app, `Bearer ${key}`);
    expect(await query('{ videoClient { name } }')).toEqual({ data: { videoClient: { name } } });
  }
});

test.each([
  ['a line feed', 'app\n'],
  ['an override of the direction', 'a\u202epp'],
  ['a letter and its accent apart', 'Jose\u0301'],
  ['half of a surrogate pair', 'app\ud83d'],
  ['256 characters', `${longest}a`],
  ['the beginning of names from tokens, in capitals', 'JWT:app'],
])('the command makes no key for a name with %s, and says what a name is', async (_, name) => {
  const { code, stdout, stderr } = await runKeys(await freshDatabase(), 'create', '--name', name);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^--name must be 1 to 255 printable characters .+\n$/);
});
