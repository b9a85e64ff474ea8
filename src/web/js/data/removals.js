// Messages that are deleted for everybody: each waits a moment in which it can be taken back, and
// leaves at once when the page goes. What could not leave then leaves at the next start.

import { t } from '../core/i18n.js';
import { ConnectionLost } from '../net/wire.js';
import { describe } from '../views/form.js';
import { toast } from '../views/overlay.js';
import { offerUndo } from '../views/undo.js';

const MOMENT_MS = 5_000;
const GONE = { text: '', files: [], edited: true, deleted: true, before: null, reactions: null, reply: null, forward: null, poll: null };

const all = new WeakMap();

/** Those of a client; made when first asked for. */
export function removalsOf(client) {
  if (!all.has(client)) all.set(client, new Removals(client));
  return all.get(client);
}

export class Removals {
  #client;
  #key;
  /** What can still be taken back: functions that end the moment. */
  #moments = new Set();

  constructor(client) {
    this.#client = client;
    this.#key = `morelia.removing.${client.store.me}`;
    const leave = () => { if (document.hidden) this.flush(); };
    document.addEventListener('visibilitychange', leave);
    addEventListener('pagehide', () => this.flush());
  }

  /** Sends what an earlier page had no time for. */
  resume() {
    for (const one of this.#kept()) {
      // Another page that is open may still offer to take it back.
      setTimeout(() => { if (this.#kept().some((kept) => kept.uuid === one.uuid)) this.#send(one, null); }, Math.max(0, Math.min(MOMENT_MS, one.until - Date.now())));
    }
  }

  /** Deletes messages, as far as anybody sees here at once. */
  async remove(messages) {
    const { store } = this.#client;
    const until = Date.now() + MOMENT_MS;
    this.#keep([...this.#kept(), ...messages.map(({ flow, uuid }) => ({ flow, uuid, until }))]);
    for (const { uuid } of messages) store.patch(uuid, GONE);
    store.emit('flows');
    const sent = [];
    const send = () => { for (const message of messages.splice(0)) sent.push(this.#send(message, message)); };
    // The page that goes has no time for anything that comes later.
    const offer = offerUndo(t('message.removed', { n: messages.length }), MOMENT_MS);
    const end = () => { send(); offer.end(); };
    this.#moments.add(end);
    const undone = await offer.answer;
    this.#moments.delete(end);
    if (undone) for (const message of messages.splice(0)) this.#restore(message);
    else send();
    await Promise.all(sent);
  }

  /** Ends every moment: all of it leaves now. */
  flush() {
    for (const end of [...this.#moments]) end();
  }

  #restore(message) {
    this.#forget(message.uuid);
    const { version, key, ...facts } = message;
    this.#client.store.patch(message.uuid, facts);
    this.#client.store.emit('flows');
  }

  /** `message` is what is put back when the server refuses. */
  async #send({ flow, uuid }, message) {
    const { api, state } = this.#client;
    const ask = () => api.remove(flow, uuid);
    const again = (error) => { if (error && !(error instanceof ConnectionLost)) throw error; return this.#client.whenReady(ask); };
    try {
      // Asked without waiting for anything: the page may be going.
      await (state === 'ready' ? ask().catch(again) : again());
      this.#forget(uuid);
      // An earlier page took it away in its own sight only.
      if (!message) this.#client.store.patch(uuid, GONE);
      this.#client.store.flows.get(flow)?.history.unquote(uuid);
    } catch (error) {
      this.#forget(uuid);
      // Gone already: that is what was wanted.
      if (!message || error.code === 404) return;
      this.#restore(message);
      toast(describe(error));
    }
  }

  #kept() {
    try { return JSON.parse(localStorage.getItem(this.#key)) ?? []; } catch { return []; }
  }

  #keep(list) {
    try {
      if (list.length > 0) localStorage.setItem(this.#key, JSON.stringify(list)); else localStorage.removeItem(this.#key);
    } catch {
      // The device is full: the moment passes all the same.
    }
  }

  #forget(uuid) { this.#keep(this.#kept().filter((one) => one.uuid !== uuid)); }
}
