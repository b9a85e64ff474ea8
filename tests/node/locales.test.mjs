// The languages: all are complete, say the same, and have what the code asks for.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import test from 'node:test';

const modules = new URL('../../src/web/js/', import.meta.url);
const files = (await readdir(modules, { recursive: true })).filter((name) => name.endsWith('.js'));
const whole = /^locales\/([a-z]{2})\.js$/;
const codes = files.map((name) => whole.exec(name)?.[1]).filter(Boolean);
const tables = Object.fromEntries(await Promise.all(codes.map(async (code) => [code, (await import(new URL(`locales/${code}.js`, modules)))[code]])));
const sources = await Promise.all(files.filter((name) => !name.startsWith('locales/')).map(async (name) => [name, await readFile(new URL(name, modules), 'utf8')]));
const { LANGUAGE_NAMES } = await import(new URL('core/i18n.js', modules));

const forms = (entry) => (typeof entry === 'object' ? Object.values(entry) : [entry]);
const holes = (entry) => [...new Set(forms(entry).flatMap((form) => form.match(/\{\w+\}/g) ?? []))].sort().join();

test('every table is offered, and every offer has a table', () => assert.deepEqual(Object.keys(LANGUAGE_NAMES).sort(), [...codes].sort()));

for (const [code, table] of Object.entries(tables)) {
  test(`${code} has every text`, () => assert.deepEqual(Object.keys(table).sort(), Object.keys(tables.en).sort()));
  test(`${code} fills in the same values`, () => assert.deepEqual(Object.keys(table).filter((key) => holes(table[key]) !== holes(tables.en[key])), []));
  test(`${code} has all plural forms`, () => {
    const wanted = new Intl.PluralRules(code).resolvedOptions().pluralCategories;
    const lacking = Object.entries(table).filter(([, entry]) => typeof entry === 'object' && !wanted.every((form) => form in entry));
    assert.deepEqual(lacking, []);
  });
  test(`${code} has no empty text`, () => assert.deepEqual(Object.entries(table).filter(([, entry]) => forms(entry).some((form) => form.trim() === '')), []));
}

test('every text that the code names is there', () => {
  const missing = sources.flatMap(([name, source]) => [...source.matchAll(/\bt\('([a-z_.]+)'/g)].map(([, key]) => key).filter((key) => !(key in tables.en)).map((key) => `${name}: ${key}`));
  assert.deepEqual(missing, []);
});

test('no text is left that nothing shows', () => {
  const all = sources.map(([, source]) => source).join('\n');
  const named = new Set([...all.matchAll(/'([a-z][a-zA-Z_.]*)'/g)].map(([, key]) => key));
  const families = [...all.matchAll(/`([a-z_.]+\.)\$\{/g)].map(([, start]) => start);
  // The server's refusals are held against its own list in another test.
  const stale = Object.keys(tables.en).filter((key) => !key.startsWith('refusal.') && !named.has(key) && !families.some((start) => key.startsWith(start)));
  assert.deepEqual(stale, []);
});
