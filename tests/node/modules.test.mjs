// The pure modules of the web client without a browser: `node --test` in this folder.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';

import './page.mjs';

const modules = new URL('../../src/web/js/', import.meta.url);
const load = (path) => import(new URL(path, modules));
const text = (path) => readFile(new URL(path, import.meta.url), 'utf8');

const findings = [];
const same = (name, found, wanted) => { findings.push({ name, found, wanted }); };
const { constructor: AsyncFunction } = Object.getPrototypeOf(async () => {});
const MARKUP = JSON.parse(await text('../data/markup.json'));
await new AsyncFunction('MARKUP', 'load', 'same', await text('../web/pure.js'))(MARKUP, load, same);

for (const { name, found, wanted } of findings) {
  // As JSON: what is undefined and what is absent is one.
  test(name, () => assert.equal(JSON.stringify(found), JSON.stringify(wanted)));
}
