// Who is signed in here. The token lives in localStorage, shared by all tabs, and nowhere else.

import { Emitter } from './emitter.js';

const KEY = 'morelia.session';

class Session extends Emitter {
  #value = read();
  /** Whether the account was made here and now. */
  isNew = false;
  /** The browser's event that can install this page as an app (topic `install`). */
  install = null;

  constructor() {
    super();
    // Another tab signed in or out.
    addEventListener('storage', (event) => {
      if (event.key !== KEY && event.key !== null) return;
      const before = this.#value?.auth_id;
      this.#value = read();
      if (before !== this.#value?.auth_id) this.emit('changed');
    });
  }

  /** `{uuid, auth_id, login}` or null. */
  get current() { return this.#value; }

  begin(uuid, auth_id, login) {
    this.#value = { uuid, auth_id, login };
    localStorage.setItem(KEY, JSON.stringify(this.#value));
    this.emit('changed');
  }

  end(reason = '') {
    if (!this.#value) return;
    const { uuid } = this.#value;
    this.#value = null;
    localStorage.removeItem(KEY);
    // What was written and not sent waits for the same person; only signing out removes it.
    if (reason === '') for (const key of Object.keys(localStorage)) if (key.startsWith(`morelia.draft.${uuid}.`) || key === `morelia.removing.${uuid}`) localStorage.removeItem(key);
    this.emit('ended', { uuid, reason });
    this.emit('changed');
  }
}

function read() {
  try {
    const value = JSON.parse(localStorage.getItem(KEY));
    return value?.uuid && value?.auth_id ? value : null;
  } catch {
    return null;
  }
}

export const session = new Session();
