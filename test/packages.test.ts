import { expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };

test('all packages of Prisma have one version, because what is generated runs on the runtime of its own version only', () => {
  const packages = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  const ofPrisma = packages.filter(([name]) => name.startsWith('@prisma/'));
  expect(ofPrisma.map(([name]) => name)).toContain('@prisma/client-generator-ts');
  // The schema engine's version goes on with the commit it was built from.
  const versions = ofPrisma.map(([, version]) => version.split('-')[0]);
  expect([...new Set(versions)]).toEqual([manifest.dependencies['@prisma/client']]);
});
