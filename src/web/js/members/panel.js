// The members of a flow, read a page at a time, with what may be done about each.

import { h, icon, replace } from '../core/dom.js';
import { debounce } from '../core/emitter.js';
import { t } from '../core/i18n.js';
import { isDeleted, nameOf } from '../data/message.js';
import { MODERATOR, OWNER } from '../data/store.js';
import { describe, form } from '../views/form.js';
import { menu } from '../views/menu.js';
import { confirm, dialog, toast } from '../views/overlay.js';
import { PeoplePicker, personRow } from '../views/people.js';
import { openChat } from '../views/start.js';

/** With more members than this there is a field to find one. */
const SEARCH_FROM = 12;

export class Members {
  element = h('div.members', {});
  #client;
  #flow;
  #list = h('div', {});
  #invited = h('div', {});
  #found = null;
  #query = '';
  #more = false;
  #busy = false;
  #key = '';
  #rights = null;

  constructor(client, flow) {
    this.#client = client;
    this.#flow = flow;
    this.#build();
    this.refresh();
  }

  #build() {
    const { store } = this.#client;
    const flow = this.#flow;
    const search = debounce(() => this.refresh(), 250);
    this.#rights = store.levelOf(flow, store.me);
    replace(this.element,
      h('h3.section-title', {}, t(flow.type === 'channel' ? 'flow.readers' : 'flow.members')),
      store.moderates(flow) && h('button.row.action', { type: 'button', onclick: () => this.#add() }, icon('plus'), t('members.add')),
      flow.members > SEARCH_FROM && h('div.search-box.members-search', {}, icon('search'), h('input', {
        type: 'search', placeholder: t('people.search'), 'aria-label': t('people.search'), autocomplete: 'off', value: this.#query,
        oninput: (event) => { this.#query = event.target.value.trim(); search(); },
      })),
      this.#list, this.#invited);
  }

  /** Reads the first page again. */
  async refresh() {
    const query = this.#query;
    // What is known already is shown at once.
    if (!this.#found && !query) this.#draw(this.#known());
    try {
      const { users, more } = await this.#client.whenReady(() => this.#client.api.members(this.#flow.uuid, query ? { query } : {}));
      if (query !== this.#query) return;
      this.#found = users;
      this.#more = more;
      for (const user of users) this.#client.store.putUser(user);
      this.#draw(users);
    } catch {
      this.#draw(this.#known());
    }
    this.#readInvited();
  }

  /** The rows anew, where names, levels or presence are others. */
  redraw() {
    const rights = this.#client.store.levelOf(this.#flow, this.#client.store.me);
    if (rights !== this.#rights) { this.#build(); this.#readInvited(); }
    this.#draw(this.#found ?? this.#known());
  }

  #known() {
    const { store } = this.#client;
    return this.#flow.users.map((uuid) => store.users.get(uuid) ?? { uuid });
  }

  #draw(people) {
    const { store } = this.#client;
    const flow = this.#flow;
    const users = people.map((user) => store.users.get(user.uuid) ?? user);
    const rank = (user) => -store.levelOf(flow, user.uuid) || (store.online.has(user.uuid) ? 1 : 2);
    if (!this.#more) users.sort((a, b) => rank(a) - rank(b) || nameOf(a, t).localeCompare(nameOf(b, t)));
    const key = JSON.stringify([this.#more, store.levelOf(flow, store.me), users.map((user) => [user.uuid, nameOf(user, t), user.avatar?.id, store.online.has(user.uuid), store.levelOf(flow, user.uuid)])]);
    if (key === this.#key) return;
    this.#key = key;
    const focused = [...this.#list.querySelectorAll('button')].indexOf(document.activeElement);
    replace(this.#list, users.map((user) => this.#row(user)),
      this.#more && h('button.row.action', { type: 'button', onclick: () => this.#next() }, icon('down'), t('members.more')));
    if (focused >= 0) this.#list.querySelectorAll('button')[focused]?.focus({ preventScroll: true });
  }

  async #next() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const after = this.#found.at(-1)?.uuid;
      const { users, more } = await this.#client.api.members(this.#flow.uuid, this.#query ? { after, query: this.#query } : { after });
      this.#found.push(...users);
      this.#more = more;
      for (const user of users) this.#client.store.putUser(user);
      this.redraw();
    } catch (error) {
      toast(describe(error));
    } finally {
      this.#busy = false;
    }
  }

  #row(user) {
    const { store } = this.#client;
    const me = user.uuid === store.me;
    const level = store.levelOf(this.#flow, user.uuid);
    const rank = level >= OWNER ? t('flow.owner') : level >= MODERATOR ? t('member.moderator') : '';
    const note = [rank, user.is_bot ? t('person.bot') : '', store.online.has(user.uuid) ? t('online') : ''].filter(Boolean).join(' · ');
    const row = personRow(user, { online: store.online.has(user.uuid), note, tag: me ? 'div' : 'button', onclick: me ? undefined : () => this.#member(user, row) });
    return row;
  }

  #member(user, row) {
    const { store } = this.#client;
    const flow = this.#flow;
    const name = nameOf(user, t);
    const [mine, theirs] = [store.levelOf(flow, store.me), store.levelOf(flow, user.uuid)];
    const here = !isDeleted(user);
    menu(row, [
      here && { icon: 'send', label: t('member.write'), act: () => openChat(this.#client, user) },
      mine >= OWNER && here && theirs < MODERATOR && { icon: 'shield', label: t('member.promote'), act: () => this.#change({}, { levels: { [user.uuid]: MODERATOR } }) },
      mine >= OWNER && theirs === MODERATOR && { icon: 'shield', label: t('member.demote'), act: () => this.#change({}, { levels: { [user.uuid]: 0 } }) },
      mine >= OWNER && here && { icon: 'crown', label: t('member.owner'), act: () => this.#change({ owner: user.uuid }, undefined, t('member.owner.ask', { name })) },
      mine > theirs && mine >= MODERATOR && { icon: 'leave', label: t('member.remove'), danger: true, act: () => this.#change({}, { remove: [user.uuid] }, t('member.remove.ask', { name }), { action: t('member.remove.do'), danger: true }) },
    ]);
  }

  async #change(change, meta, question, how = { action: t('yes'), danger: false }) {
    if (question && !(await confirm(question, how))) return;
    try {
      await this.#client.editFlow({ uuid: this.#flow.uuid, ...change }, meta);
      if (change.owner) this.#build();
      await this.refresh();
    } catch (error) {
      toast(describe(error));
    }
  }

  #add() {
    const flow = this.#flow;
    dialog(t('members.add'), (close) => {
      const picker = new PeoplePicker(this.#client, { several: true, except: new Set(flow.users) });
      return form(t('members.add'), [
        h('h2', {}, t('members.add')), picker.element,
        h('div.actions', {}, h('button.button.quiet', { type: 'button', onclick: () => close() }, t('cancel')), h('button.button', {}, t('add'))),
      ], async () => {
        const chosen = picker.chosen();
        if (chosen.length > 0) {
          for (const user of chosen) this.#client.store.putUser(user);
          await this.#client.editFlow({ uuid: flow.uuid }, { add: chosen.map((user) => user.uuid) });
          await this.refresh();
        }
        close();
      });
    }, { className: 'tall' });
  }

  /** Who was asked and has not answered. */
  async #readInvited() {
    if (!this.#client.store.moderates(this.#flow)) { replace(this.#invited); return; }
    const found = await this.#client.api.members(this.#flow.uuid, { state: 'invited' }).catch(() => ({ users: [] }));
    replace(this.#invited, found.users.length > 0 && [
      h('h3.section-title', {}, t('members.invited')),
      found.users.map((user) => {
        const row = personRow(user, { onclick: () => menu(row, [{ icon: 'close', label: t('member.uninvite'), danger: true, act: () => this.#change({}, { remove: [user.uuid] }) }]) });
        return row;
      }),
    ]);
  }
}
