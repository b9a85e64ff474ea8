// The list of flows: who wrote last, what, when, and how much of it is new.

import { arrange, h, icon, replace } from '../core/dom.js';
import { perFrame } from '../core/emitter.js';
import { now } from '../core/clock.js';
import { locale, t } from '../core/i18n.js';
import { rest } from '../core/rest.js';
import { router } from '../core/router.js';
import { authorOf, nameOf, summary } from '../data/message.js';
import { fullTime, shortTime } from '../text/times.js';
import { FILTERS, byOrder, isUnbegun } from '../settings/order.js';
import { flowAvatar, flowIcon, flowTitle, userAvatar } from './avatar.js';

export class FlowList {
  element;
  /** What stands above the conversations for a while. */
  cards = h('div.cards');
  #client;
  #list;
  #status;
  #head;
  #rows = new Map();
  #filter = 'all';
  #filters = h('div.flow-filters', { role: 'group', 'aria-label': t('filters') });
  #close;
  #draw = perFrame(() => this.#render());

  constructor(client) {
    this.#client = client;
    this.#list = h('ul.rows', { 'aria-label': t('flows') });
    this.#status = h('div.connection', { role: 'status' });
    this.#head = h('header.bar', {});
    this.element = h('div.panel.flow-list', {},
      this.#head, this.#status, this.#filters,
      h('nav.scroll', { 'aria-label': t('flows') }, this.cards, this.#list),
      h('button.fab', { type: 'button', 'aria-label': t('new.title'), title: t('new.title'), onclick: () => router.go('/new') }, icon('pencil')));
    const { store } = client;
    for (const topic of ['flows', 'presence', 'typing', 'invited']) store.on(topic, () => this.#draw());
    const leave = router.on('place', () => this.#draw());
    client.on('state', () => { this.#connection(); this.#draw(); });
    client.drafts.on('change', () => this.#draw());
    const timer = setInterval(() => { if (this.element.isConnected) { this.#connection(); this.#draw(); } }, 1_000);
    this.#close = () => { clearInterval(timer); leave(); };
    this.#connection();
    this.#render();
  }

  close() { this.#close(); }

  /** What the connection does, only while there is something to say. */
  #connection() {
    const { state, connection } = this.#client;
    const wait = Math.ceil((connection.retryAt - Date.now()) / 1000);
    let text = '';
    if (state === 'offline') text = navigator.onLine && wait > 0 ? t('connection.retry', { n: wait }) : t('connection.offline');
    else if (state !== 'ready') text = t(state === 'syncing' ? 'connection.syncing' : 'connection.connecting');
    if (this.#status.textContent !== text) this.#status.textContent = text;
    this.#status.classList.toggle('shown', text !== '');
    document.documentElement.dataset.connection = state;
  }

  #render() {
    const { store } = this.#client;
    this.#drawHead();
    const begun = this.#begun();
    const flows = begun.map((flow) => ({ flow, time: this.#activity(flow) }));
    flows.sort(byOrder);
    this.#drawFilters(begun);
    const archived = flows.filter(({ flow }) => this.#isArchived(flow));
    const wanted = this.#filter === 'archive' ? archived : flows.filter(({ flow }) => !flow.settings.hidden && !this.#isArchived(flow) && FILTERS[this.#filter](flow));
    const rows = [...[...store.invited.values()].map((one) => this.#invited(one)), ...wanted.map(({ flow, time }) => this.#row(flow, time))];
    if (!store.loaded) rows.push(...Array.from({ length: 6 }, () => h('li.row-skeleton', { 'aria-hidden': 'true' }, h('span'), h('span'))));
    else if (rows.length === 0) rows.push(begun.length > 0 ? h('li.empty-list', {}, h('p', {}, t('filter.empty'))) : this.#empty());
    for (const id of this.#rows.keys()) if (!store.flows.has(id) && !store.invited.has(id)) this.#rows.delete(id);
    arrange(this.#list, rows);
  }

  #invited(one) {
    const key = [one.title, one.by && nameOf(this.#client.store.users.get(one.by), t)].join('\u0000');
    const old = this.#rows.get(one.flow);
    if (old?.key === key) return old.node;
    const node = h('li');
    this.#rows.set(one.flow, { key, node });
    // Seldom needed, so not in the first load.
    import('../invite/waiting.js').then(({ invitedRow }) => replace(node, invitedRow(this.#client, one))).catch(() => this.#rows.delete(one.flow));
    return node;
  }

  /** Archived, and not called back by something new. */
  #isArchived(flow) {
    return flow.settings.archived === true && (this.#client.store.isMuted(flow) || flow.unread === 0);
  }

  /** All but the chats that others have opened and nobody has written in, and no draft is begun. */
  #begun() {
    const { store } = this.#client;
    return [...store.flows.values()].filter((flow) => !isUnbegun(flow, store.me)
      || router.place.flow === flow.uuid || this.#client.pending(flow.uuid).length > 0 || this.#draftOf(flow) !== '');
  }

  /** The chips above the list, once there is something to sort out. */
  #drawFilters(flows) {
    const useful = ['all', 'unread', 'chats', 'groups', 'channels'].filter((name) => name === 'all' || name === 'unread' || flows.some(FILTERS[name]));
    if (flows.some((flow) => this.#isArchived(flow))) useful.push('archive');
    if (!useful.includes(this.#filter)) this.#filter = 'all';
    const shown = flows.length > 5 || useful.includes('archive');
    const key = shown ? `${this.#filter} ${useful}` : '';
    if (this.#filters.dataset.key === key) return;
    this.#filters.dataset.key = key;
    this.#filters.hidden = !shown;
    const focused = this.#filters.contains(document.activeElement);
    replace(this.#filters, shown && useful.map((name) => h('button.filter', {
      type: 'button', 'aria-pressed': String(name === this.#filter), onclick: () => { this.#filter = name; this.#render(); },
    }, t(`filter.${name}`))));
    if (focused) this.#filters.querySelector('[aria-pressed=true]')?.focus();
  }

  #drawHead() {
    const { store } = this.#client;
    const me = store.users.get(store.me);
    const key = `${me?.avatar?.id} ${nameOf(me, t)}`;
    if (this.#head.dataset.key === key) return;
    this.#head.dataset.key = key;
    replace(this.#head,
      h('h1.visually-hidden', {}, t('flows')),
      h('button.icon-button.me', { type: 'button', 'aria-label': t('settings.title'), title: t('settings.title'), onclick: () => router.go('/settings') }, userAvatar(me ?? { uuid: store.me }, 's')),
      h('button.search-pill', { type: 'button', onclick: () => router.go('/search') }, icon('search'), h('span', {}, t('search.title'))));
  }

  #activity(flow) {
    const pending = this.#client.outbox.of(flow.uuid).at(-1);
    return Math.max(flow.time ?? 0, flow.history.last?.time ?? 0, pending?.time ?? 0);
  }

  #row(flow, time) {
    const { store } = this.#client;
    const last = this.#client.pending(flow.uuid).at(-1) ?? flow.history.last;
    const typing = store.typingIn(flow.uuid);
    const draft = this.#draftOf(flow);
    const open = router.place.flow === flow.uuid;
    const partner = store.users.get(store.partner(flow));
    const author = last && store.users.get(last.from);
    const unread = store.unread(flow);
    const language = locale();
    const when = last ? shortTime(last.time, now(), language) : '';
    const key = [flowTitle(store, flow), when, last?.key, last && summary(last, t), last?.edited, last?.pending?.state, last?.number, last && store.isSeen(last), typing.join(), open ? '' : draft, open, partner?.avatar?.id, flow.picture?.id, last?.version, store.online.has(partner?.uuid), nameOf(author, t), unread, flow.mentions, JSON.stringify(flow.settings), store.isMuted(flow), language].join('\u0000');
    const old = this.#rows.get(flow.uuid);
    if (old?.key === key) return old.node;
    const link = h('a.row', {
      href: `/#/f/${flow.uuid}`, 'aria-current': open && 'page',
      onclick: (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        router.go(`/f/${flow.uuid}`);
      },
      oncontextmenu: (event) => { if (store.complete) { event.preventDefault(); this.#menu(flow, event); } },
    },
    flowAvatar(store, flow, 'l'),
    h('span.row-words', {},
      h('span.row-top', {},
        flowIcon(flow), h('span.row-title', {}, h('bdi', {}, flowTitle(store, flow))),
        store.isMuted(flow) && h('span.mark', { role: 'img', 'aria-label': t('muted') }, icon('mute')),
        last && last.from === store.me && !draft && stateIcon(last, store.isSeen(last)),
        last && h('time.row-time', { datetime: new Date(last.time * 1000).toISOString(), title: fullTime(last.time, language) }, when)),
      h('span.row-bottom', {},
        this.#snippet(flow, { last, typing, draft: open ? '' : draft }),
        flow.settings.pinned > 0 && h('span.mark', { role: 'img', 'aria-label': t('pinned') }, icon('pin')),
        flow.mentions > 0 && h('span.badge.at', { role: 'img', 'aria-label': t('mentioned') }, '@'),
        (unread > 0 || flow.settings.unread) && h('span.badge', { class: store.isMuted(flow) ? 'quiet' : '', role: 'img', 'aria-label': t('unread', { n: unread }) }, unread > 999 ? '999+' : unread > 0 ? String(unread) : ''))));
    const node = old?.node ?? h('li');
    const focused = node.contains(document.activeElement);
    replace(node, link);
    if (focused) link.focus({ preventScroll: true });
    this.#rows.set(flow.uuid, { key, node });
    return node;
  }

  async #menu(flow, event) {
    const anchor = event.clientX || event.clientY ? { x: event.clientX, y: event.clientY } : event.target;
    const [{ menu }, { flowItems }] = await Promise.all([import('./menu.js'), import('../settings/flow.js'), rest()]);
    menu(anchor, flowItems(this.#client, flow));
  }

  /** One line of what was begun here. */
  #draftOf(flow) {
    const { text, files, editing } = this.#client.drafts.of(flow.uuid);
    const words = (editing?.draft ?? text).replace(/\s+/gu, ' ').trim();
    return words || (files.length > 0 ? files.map((file) => file.name).join(', ') : '');
  }

  #snippet(flow, { last, typing, draft }) {
    const { store } = this.#client;
    if (typing.length > 0) {
      return h('span.row-text.typing', {}, flow.type === 'chat' ? t('typing.chat') : t('typing.group', { name: nameOf(store.users.get(typing[0]), t), n: typing.length }));
    }
    if (draft) return h('span.row-text', {}, h('span.draft', {}, `${t('draft')}: `), h('bdi', {}, draft));
    if (!last) return h('span.row-text', {}, flow.history.count > 0 ? '…' : t('empty.row'));
    const prefix = last.from === store.me ? t('you') : authorOf(last, store, t);
    const named = flow.type === 'group' || last.bot;
    return h('span.row-text', {}, named && h('span.row-author', {}, h('bdi', {}, prefix), ': '), h('bdi', {}, summary(last, t)));
  }

  #empty() {
    return h('li.empty-list', {},
      h('p', {}, t('empty.list')),
      h('button.button', { type: 'button', onclick: () => router.go('/new') }, t('new.title')));
  }
}

function stateIcon(message, seen) {
  const [name, label] = { queued: ['clock', 'message.queued'], failed: ['alert', 'message.failed'] }[message.pending?.state] ?? (seen ? ['checks', 'message.read'] : ['check', 'message.sent']);
  return h('span.state', { role: 'img', 'aria-label': t(label) }, icon(name));
}
