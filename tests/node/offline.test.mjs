// The copy of the last visit and the server's answer come in either order: the server's words stay.

import assert from 'node:assert/strict';
import test from 'node:test';

import './page.mjs';

import { OfflineCopy } from '../../src/web/js/data/offline.js';
import { Store } from '../../src/web/js/data/store.js';

const flow = (uuid) => ({ uuid, type: 'group', title: uuid, users: [] });
const told = (id, after) => ({ flow: 'old', id, after, kind: 'title', title: id, time: after });
const said = (number, text, before = null) => ({ uuid: `m${number}`, number, text, before, files: [] });
const tail = { flow: 'old', messages: [said(0, 'nought', 'naught'), said(1, 'one', 'ONE')], events: [told('e0', 0)] };

function kept(hold) {
  const store = new Store('me', async () => []);
  const database = {
    get: async () => ({ users: [], flows: [flow('old')], meta: { count: { old: 2 }, read: { old: 0 } } }),
    tailsOf: async () => { await hold; return [tail]; },
  };
  return { store, copy: new OfflineCopy(database, store) };
}

test('the copy fills an empty store', async () => {
  const { store, copy } = kept();
  assert.equal(await copy.load(), true);
  assert.equal(store.flows.get('old').history.get(0).uuid, 'm0');
  assert.deepEqual(store.flows.get('old').events.after(0).map((event) => event.id), ['e0']);
});

test('a copy that comes after the server says only what it said before', async () => {
  let release;
  const { store, copy } = kept(new Promise((resolve) => { release = resolve; }));
  const loading = copy.load();
  store.applySnapshot({ flows: [flow('old'), flow('new')], meta: { count: { old: 3, new: 1 } } }, true);
  const { history, events } = store.flows.get('old');
  history.put(said(1, 'won'));
  release();
  assert.equal(await loading, true);
  assert.deepEqual([...store.flows.keys()], ['old', 'new']);
  assert.equal(history.count, 3);
  // Message 0 is shown, and is to be read from the server with what happened after it.
  assert.equal(history.get(0).text, 'nought');
  assert.equal(history.has(0), false);
  assert.deepEqual(events.after(0), []);
  // Message 1 was read already; its last words are known from before.
  assert.equal(history.get(1).text, 'won');
  assert.equal(history.get(1).before, 'one');
  assert.equal(history.has(1), true);
});
