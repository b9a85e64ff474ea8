// What was begun and not sent, per flow: a text, files, the message that is edited or answered. Kept
// in memory at once, on the device a moment later, and until it is sent, thrown away, or its writer
// signs out. The end of a session elsewhere removes nothing.

import { Emitter, debounce } from '../core/emitter.js';

const EMPTY = { text: '', files: [], editing: null, reply: null };

/** Topic: `change` (flow). */
export class Drafts extends Emitter {
  #database;
  #user;
  #drafts = new Map();
  #dirty = new Set();
  #save = debounce(() => this.#write(), 300);

  constructor(database, user) {
    super();
    this.#database = database;
    this.#user = user;
    // The text is there at once, and also where the browser has no database.
    for (const key of Object.keys(localStorage)) {
      const flow = key.startsWith(draftKey(user, '')) ? key.slice(draftKey(user, '').length) : '';
      if (flow) this.#drafts.set(flow, { ...EMPTY, text: localStorage.getItem(key) ?? '' });
    }
    addEventListener('pagehide', () => this.#save.now());
  }

  async load() {
    for (const { flow, user, ...kept } of await this.#database.draftsOf(this.#user)) {
      if (this.#dirty.has(flow)) continue;
      this.#drafts.set(flow, { ...EMPTY, ...kept, text: this.of(flow).text || kept.text });
      this.emit('change', flow);
    }
  }

  of(flow) { return this.#drafts.get(flow) ?? EMPTY; }

  get count() { return this.#drafts.size; }

  set(flow, change) {
    const draft = { ...this.of(flow), ...change };
    const empty = draft.text.trim() === '' && draft.files.length === 0 && !draft.editing && !draft.reply;
    if (empty) this.#drafts.delete(flow); else this.#drafts.set(flow, draft);
    try {
      if (draft.text.trim() === '') localStorage.removeItem(draftKey(this.#user, flow));
      else localStorage.setItem(draftKey(this.#user, flow), draft.text);
    } catch {
      // The device is full: the database may have room, and memory has it.
    }
    this.#dirty.add(flow);
    this.#save();
    this.emit('change', flow);
  }

  async #write() {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const flow of dirty) {
      const draft = this.#drafts.get(flow);
      const files = (draft?.files ?? []).map(({ source, name, original, asFile }) => ({ source, name, original, asFile }));
      const work = draft ? this.#database.put('drafts', { user: this.#user, flow, ...draft, files }) : this.#database.remove('drafts', [this.#user, flow]);
      await work.catch(() => {});
    }
  }
}

export function draftKey(me, flow) {
  return `morelia.draft.${me}.${flow}`;
}
