// Places in the client, kept in the address after `#`, so that the browser's back button, a reload
// and a bookmark all work, and the server needs to know only `/`.

import { Emitter } from './emitter.js';

/**
 * Reads a hash into a place: `{flow, number, panel, rest}`.
 * `#/f/ID`, `#/f/ID/m/NUMBER`, `#/f/ID/info`, `#/new`, `#/new/group`, `#/settings`, `#/search/ID`,
 * `#/link/CODE`.
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

  start() {
    this.#depth = history.state?.depth ?? 0;
    addEventListener('popstate', () => {
      this.#depth = history.state?.depth ?? 0;
      this.#changed();
    });
  }

  /** Goes to `path` (without `#`); `instead` replaces the present entry of the history. */
  go(path, { instead = false } = {}) {
    const url = path === '/' ? '/' : `/#${path}`;
    if (location.pathname + location.hash === url && !instead) { this.#changed(); return; }
    if (instead) history.replaceState({ depth: this.#depth }, '', url);
    else history.pushState({ depth: ++this.#depth }, '', url);
    this.#changed();
  }

  /** Back where the person came from, or to `fallback` when this was the first page. */
  back(fallback = '/') {
    if (this.#depth > 0) history.back();
    else this.go(fallback, { instead: true });
  }

  #changed() {
    this.place = parse(location.hash);
    this.emit('place', this.place);
  }
}

export const router = new Router();
