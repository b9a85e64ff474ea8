// Choosing people: a search field over everyone the server lets one find.

import { h, icon, replace } from '../core/dom.js';
import { debounce } from '../core/emitter.js';
import { t } from '../core/i18n.js';
import { nameOf } from '../data/message.js';
import { userAvatar } from './avatar.js';

export function personRow(user, { online = false, note = '', tag = 'button', ...props } = {}) {
  const avatar = userAvatar(user, 'm');
  if (online) avatar.append(h('span.online-dot'));
  return h(`${tag}.row.person`, { type: tag === 'button' ? 'button' : undefined, ...props },
    avatar,
    h('span.row-words', {},
      h('span.row-title', {}, h('bdi', {}, nameOf(user, t))),
      h('span.row-text', {}, note || (user.login ? `@${user.login}` : ''))));
}

/**
 * A list of people with a search field above. `pick(user)` on a tap; with `several`, taps switch
 * people in and out of the set that `chosen()` gives.
 */
export class PeoplePicker {
  element;
  #client;
  #results;
  #chips;
  #chosen = new Map();
  #options;
  #query = '';
  #shown = [];

  constructor(client, options) {
    this.#client = client;
    this.#options = { except: new Set([client.store.me]), ...options };
    const search = debounce(() => this.#search(), 150);
    const input = h('input', { type: 'search', placeholder: t('people.search'), 'aria-label': t('people.search'), autocomplete: 'off', oninput: () => { this.#query = input.value.trim(); search(); } });
    this.#chips = h('div.chips', {});
    this.#results = h('div.rows', { role: 'group', 'aria-label': t('people') });
    this.element = h('div.picker', {}, h('div.search-box', {}, icon('search'), input), this.#chips, this.#results);
    this.#search();
  }

  chosen() { return [...this.#chosen.values()]; }

  async #search() {
    const query = this.#query;
    const known = [...this.#client.store.users.values()].filter((user) => matches(user, query));
    this.#show(known, query, true);
    const found = await this.#client.whenReady(() => this.#client.api.findUsers(query)).catch(() => []);
    if (query !== this.#query) return;
    const all = new Map(known.map((user) => [user.uuid, user]));
    for (const user of found ?? []) all.set(user.uuid, user);
    this.#show([...all.values()], query, false);
  }

  #show(users, query, early) {
    this.#shown = users
      .filter((user) => !this.#options.except.has(user.uuid) && user.login !== 'User deleted')
      .sort((a, b) => nameOf(a, t).localeCompare(nameOf(b, t)));
    this.#draw(early ? '' : t(query ? 'people.none' : 'people.nobody'));
  }

  #draw(empty = '') {
    const { several, pick } = this.#options;
    replace(this.#chips, [...this.#chosen.values()].map((user) => h('button.chip', { type: 'button', 'aria-label': t('remove', { name: nameOf(user, t) }), onclick: () => { this.#toggle(user); } }, userAvatar(user, 'xs'), h('bdi', {}, nameOf(user, t)), icon('close'))));
    replace(this.#results, this.#shown.length === 0 && empty && h('p.hint.centred', {}, empty),
      this.#shown.map((user) => {
        const on = this.#chosen.has(user.uuid);
        const row = personRow(user, {
          online: this.#client.store.online.has(user.uuid),
          'aria-pressed': several ? String(on) : undefined,
          onclick: () => (several ? this.#toggle(user) : pick(user)),
        });
        if (several) row.append(h('span.tick', { 'aria-hidden': 'true' }, on && icon('check')));
        return row;
      }));
  }

  #toggle(user) {
    const focused = this.#shown.findIndex((one) => one.uuid === user.uuid);
    if (!this.#chosen.delete(user.uuid)) this.#chosen.set(user.uuid, user);
    this.#draw();
    this.#results.querySelectorAll('button.person')[focused]?.focus();
    this.#options.changed?.();
  }
}

function matches(user, query) {
  const wanted = query.toLocaleLowerCase();
  return [user.login ?? '', ...(user.username ?? '').split(/\s+/u)].some((word) => word.toLocaleLowerCase().startsWith(wanted));
}
