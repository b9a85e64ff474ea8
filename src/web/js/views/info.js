// About a flow: who is in it, what it is called, and leaving it.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { nameOf } from '../data/message.js';
import { flowAvatar, flowTitle } from './avatar.js';
import { describe, field, form } from './form.js';
import { confirm, dialog, menu, toast } from './overlay.js';
import { PeoplePicker, personRow } from './people.js';
import { openChat } from './start.js';

/** The panel beside a conversation; redraws itself while it is in the page. */
export class FlowInfo {
  element;
  #client;
  #flow;
  #body;
  #closers;
  #key = '';

  constructor(client, flow) {
    this.#client = client;
    this.#flow = flow;
    this.#body = h('div.scroll', {});
    this.element = h('section.panel.info', { 'aria-label': t('flow.info') },
      h('header.bar', {}, iconButton('close', t('close'), () => router.back(`/f/${flow.uuid}`)), h('h1', {}, t('flow.info'))), this.#body);
    this.element.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); router.back(`/f/${flow.uuid}`); } });
    const draw = () => this.#draw();
    this.#closers = [client.store.on('flow', (id) => { if (id === flow.uuid) draw(); }), client.store.on('users', draw), client.store.on('presence', draw)];
    draw();
  }

  close() { for (const close of this.#closers) close(); }

  #draw() {
    const { store } = this.#client;
    const flow = this.#flow;
    const partner = store.partner(flow);
    const mine = flow.owner === store.me && flow.type !== 'chat';
    const person = partner ? store.users.get(partner) : null;
    const people = flow.users.map((id) => [id, nameOf(store.users.get(id), t), store.users.get(id)?.avatar?.length, store.online.has(id)]);
    const key = JSON.stringify([flow.title, flow.info, flow.owner, people, person?.bio]);
    // Somebody may be on the way to a button: it is drawn again only when there is news.
    if (key === this.#key) return;
    this.#key = key;
    const focused = [...this.#body.querySelectorAll('button')].indexOf(document.activeElement);
    replace(this.#body,
      h('div.hero', {},
        flowAvatar(store, flow, 'xl'),
        h('h2', { dir: 'auto' }, flowTitle(store, flow)),
        h('p.hint', {}, partner ? t(store.online.has(partner) ? 'online' : 'offline') : t(flow.type === 'channel' ? 'subscribers' : 'members', { n: flow.users.length })),
        mine && h('button.button.quiet', { type: 'button', onclick: () => this.#rename() }, icon('pencil'), t('edit'))),
      person && facts([[t('sign.login'), person.login && `@${person.login}`], [t('profile.bio'), person.bio]]),
      !partner && flow.info && facts([[t('flow.about'), flow.info]]),
      h('div.list-actions', {},
        h('button.row.action', { type: 'button', onclick: () => router.go(`/search/${flow.uuid}`) }, icon('search'), t('search.here'))),
      !partner && this.#members(mine),
      !partner && h('div.list-actions', {},
        h('button.row.action.danger', { type: 'button', onclick: () => this.#leave() }, icon('leave'), t(`leave.${flow.type}`))));
    if (focused >= 0) this.#body.querySelectorAll('button')[focused]?.focus({ preventScroll: true });
  }

  #members(mine) {
    const { store } = this.#client;
    const flow = this.#flow;
    const people = flow.users.map((uuid) => store.users.get(uuid) ?? { uuid });
    const rank = (user) => (user.uuid === flow.owner ? 0 : store.online.has(user.uuid) ? 1 : 2);
    people.sort((a, b) => rank(a) - rank(b) || nameOf(a, t).localeCompare(nameOf(b, t)));
    return h('div', {},
      h('h3.section-title', {}, t(flow.type === 'channel' ? 'flow.readers' : 'flow.members')),
      mine && h('button.row.action', { type: 'button', onclick: () => this.#add() }, icon('plus'), t('members.add')),
      people.map((user) => {
        const me = user.uuid === store.me;
        const note = user.uuid === flow.owner ? t('flow.owner') : store.online.has(user.uuid) ? t('online') : '';
        const row = personRow(user, { online: store.online.has(user.uuid), note, tag: me ? 'div' : 'button', onclick: me ? undefined : () => this.#member(user, row, mine) });
        return row;
      }));
  }

  #member(user, row, mine) {
    const { store } = this.#client;
    const name = nameOf(user, t);
    const users = this.#flow.users.filter((id) => id !== user.uuid);
    menu(row, [
      { icon: 'send', label: t('member.write'), act: () => openChat(this.#client, user) },
      mine && store.users.has(user.uuid) && { icon: 'crown', label: t('member.owner'), act: () => this.#change({ owner: user.uuid }, t('member.owner.ask', { name })) },
      mine && { icon: 'leave', label: t('member.remove'), danger: true, act: () => this.#change({ users }, t('member.remove.ask', { name })) },
    ]);
  }

  async #change(change, question) {
    if (question && !(await confirm(question, { action: t('yes') }))) return;
    try {
      await this.#client.editFlow({ uuid: this.#flow.uuid, ...change });
    } catch (error) {
      toast(describe(error));
    }
  }

  #rename() {
    const flow = this.#flow;
    dialog(t('edit'), (close) => form(t('edit'), [
      h('h2', {}, t(`flow.${flow.type}`)),
      field(t('flow.title'), { name: 'title', value: flow.title, required: true, maxlength: '256', autofocus: true }),
      field(t('flow.about'), { name: 'info', value: flow.info, rows: '3', maxlength: '1000' }),
      h('div.actions', {}, h('button.button.quiet', { type: 'button', onclick: () => close() }, t('cancel')), h('button.button', {}, t('save'))),
    ], async ({ title, info }) => {
      await this.#client.editFlow({ uuid: flow.uuid, title: title.trim(), info: info.trim() });
      close();
    }));
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
          await this.#client.editFlow({ uuid: flow.uuid, users: [...flow.users, ...chosen.map((user) => user.uuid)] });
          for (const user of chosen) this.#client.store.putUser(user);
        }
        close();
      });
    }, { className: 'tall' });
  }

  async #leave() {
    const flow = this.#flow;
    const title = flowTitle(this.#client.store, flow);
    const text = flow.owner === this.#client.store.me ? t('leave.owner') : '';
    if (!(await confirm(t('leave.ask', { title }), { action: t(`leave.${flow.type}`), danger: true, text }))) return;
    try {
      await this.#client.api.leave(flow.uuid);
      router.go('/', { instead: true });
      this.#client.store.removeFlow(flow.uuid);
    } catch (error) {
      toast(describe(error));
    }
  }
}

function facts(pairs) {
  const shown = pairs.filter(([, value]) => value);
  return shown.length > 0 && h('dl.facts', {}, shown.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', { dir: 'auto' }, value))));
}
