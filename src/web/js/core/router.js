// Places in the client, kept in the address after `#`, so that the browser's back button, a reload
// and a bookmark all work, and the server needs to know only `/`.

import { Emitter } from './emitter.js';

/**
 * Reads a hash into a place: `{flow, number, panel, rest}`.
 * `#/f/ID`, `#/f/ID/m/NUMBER`, `#/f/ID/info`, `#/new`, `#/new/group`, `#/settings`, `#/search/ID`,
 * `#/link/CODE`, `#/m/MESSAGE`, `#/admin/people`.
 */
export function parse(hash) {
  const parts = hash.replace(/^#\/?/, '').split('/').map(decode).filter((part) => part !== '');
  const place = { flow: null, number: null, panel: null, rest: null };
  if (parts[0] === 'f' && /^\d{1,40}$/.test(parts[1] ?? '')) {
    place.flow = parts[1];
    if (parts[2] === 'm' && /^\d{1,15}$/.test(parts[3] ?? '')) place.number = Number(parts[3]);
    else if (parts[2]) place.panel = parts[2];
  } else if (parts[0]) {
    place.panel = parts[0];
    place.rest = parts[1] ?? null;
  }
  return place;
}

function decode(part) {
  try { return decodeURIComponent(part); } catch { return ''; }
}

class Router extends Emitter {
  place = parse(location.hash);
  #depth = 0;
  /** What lies on top of the page, in the order in which it was opened: functions that close it. */
  #overlays = [];
  /** Whether the present entry of the history was made for something on top that is gone. */
  #spent = false;

  start() {
    this.#depth = history.state?.depth ?? 0;
    // A page that was reloaded under something on top: that is gone, its entry is not.
    this.#spent = history.state?.overlay === true;
    history.replaceState({ ...history.state, depth: this.#depth }, '');
    addEventListener('popstate', () => this.#popped());
  }

  /** Goes to `path` (without `#`); `instead` replaces the present entry of the history. */
  go(path, { instead = false } = {}) {
    const url = path === '/' ? '/' : `/#${path}`;
    if (location.pathname + location.hash === url && !instead) { this.#changed(); return; }
    if (instead || this.#spent) history.replaceState({ depth: this.#depth }, '', url);
    else history.pushState({ depth: ++this.#depth }, '', url);
    this.#spent = false;
    this.#changed();
  }

  /** Back where the person came from, or to `fallback` when this was the first page. */
  back(fallback = '/') {
    if (this.#depth > (this.#spent ? 1 : 0)) history.go(this.#spent ? -2 : -1);
    else this.go(fallback, { instead: true });
  }

  /**
   * Something lies on top of the page from now on: a telephone's Back calls `close` and leaves the
   * place alone. Gives the function to call when it was closed by other means.
   */
  overlay(close) {
    const entry = { close };
    this.#overlays.push(entry);
    if (this.#spent) this.#spent = false;
    else history.pushState({ depth: ++this.#depth, overlay: true }, '', location.pathname + location.hash);
    return () => {
      const at = this.#overlays.indexOf(entry);
      if (at < 0) return;
      this.#overlays.splice(at, 1);
      // Its entry stays until something else wants one, or is passed over by the next Back.
      if (this.#overlays.length === 0) this.#spent = true;
    };
  }

  #popped() {
    const before = this.#depth;
    const { state } = history;
    // No state: somebody followed a link or wrote into the address.
    if (!state) history.replaceState({ depth: before + 1 }, '');
    this.#depth = state?.depth ?? before + 1;
    const back = this.#depth < before;
    const top = this.#overlays.at(-1);
    if (top && back) {
      this.#overlays.pop();
      top.close();
      return;
    }
    const step = this.#depth === before - 1;
    const spent = this.#spent;
    this.#spent = state?.overlay === true;
    // Where something lay on top, one step back is no step at all for a person.
    if (back && ((spent && step) || this.#spent)) { this.#spent = false; history.back(); return; }
    this.#changed();
  }

  #changed() {
    this.place = parse(location.hash);
    this.emit('place', this.place);
  }
}

export const router = new Router();
