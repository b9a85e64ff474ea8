// The page of a signed-in person: two panes, or one on a phone, and what the address says is in them.

import { h, icon, replace } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { rest } from '../core/rest.js';
import { router } from '../core/router.js';
import { sheet } from '../core/sheets.js';
import { flowTitle } from './avatar.js';
import { FlowList } from './flowlist.js';
import { closeMenu, toast } from './overlay.js';

/** What is not needed to show the list is loaded when it is first opened. */
const LATER = {
  conversation: async () => (await Promise.all([import('./conversation.js'), sheet('conversation')]))[0],
  info: async () => (await import('./info.js')).FlowInfo,
  media: async () => (await import('../files/gallery.js')).Gallery,
  new: async (client, rest) => (await import('./start.js')).startPanel(client, rest),
  settings: async (client, rest) => (await import('./settings.js')).settingsPanel(client, rest),
  admin: async (client, rest) => (await import('../admin/panel.js')).adminPanel(client, rest),
  search: async (client, rest) => (await import('./search.js')).searchPanel(client, rest),
};

export class Shell {
  element;
  #client;
  #side = h('div.side', {});
  #main = h('section.main', { 'aria-label': t('conversation') });
  #list;
  #sideKey = '';
  #conversation = null;
  #info = null;
  #beside = null;
  #early = null;
  #asked = null;
  #wanted = null;
  #shown = null;
  #closers;

  constructor(client) {
    this.#client = client;
    this.#list = new FlowList(client);
    this.element = h('main.shell', {}, this.#side, this.#main);
    this.#closers = [
      router.on('place', () => this.show()),
      client.store.on('flows', () => { if (this.#wanted || (this.#conversation && !client.store.flows.has(this.#conversation.flow.uuid))) this.show(); }),
    ];
    // On the document: nothing may have the focus, as after a button that went away.
    const key = (event) => this.#key(event);
    document.addEventListener('keydown', key);
    this.#closers.push(() => document.removeEventListener('keydown', key));
  }

  /** Where cards stand above the list. */
  get cards() { return this.#list.cards; }

  close() {
    for (const close of this.#closers) close();
    this.#conversation?.close();
    this.#info?.close();
    this.#list.close();
  }

  /** Brings the page to what the address says. */
  show() {
    closeMenu();
    const { place } = router;
    const { store } = this.#client;
    this.#showSide(place);
    if (place.panel === 'm' && place.rest && store.loaded) this.#openMessage(place.rest);
    const flow = place.flow ? store.flows.get(place.flow) : null;
    const gone = this.#conversation?.flow;
    if (gone && !flow && place.flow === gone.uuid) toast(t('event.gone', { title: flowTitle(store, gone) }));
    // The flow may not have been read yet: the list's next news decides.
    this.#wanted = place.flow && !flow ? place.flow : null;
    if (this.#wanted && store.loaded && this.#client.state === 'ready') { this.#wanted = null; router.go('/', { instead: true }); return; }
    if (this.#conversation && !store.flows.has(this.#conversation.flow.uuid)) {
      this.#closeConversation();
      if (place.flow) { router.go('/', { instead: true }); return; }
    }
    if (flow) this.#showFlow(flow, place);
    else if (!place.panel) this.#closeConversation();
    if (!this.#conversation && !flow) replace(this.#main, h('div.nothing-open', {}, h('span.nothing-icon', {}, icon('smile')), h('p', {}, t('empty.main'))));
    this.element.dataset.pane = place.flow ? 'main' : 'side';
  }

  async #showSide(place) {
    const make = !place.flow && ['new', 'settings', 'search', 'admin'].includes(place.panel) ? LATER[place.panel] : null;
    const key = make ? `${place.panel}/${place.rest}` : 'list';
    if (key === this.#sideKey) return;
    // A conversation opened from the search leaves its hits in sight, where there is room.
    if (place.flow && this.#sideKey.startsWith('search/') && place.number !== null) return;
    this.#sideKey = key;
    if (place.panel === 'search' && !place.flow) this.#typeEarly();
    const content = make ? await this.#later(() => make(this.#client, place.rest)) : this.#list.element;
    if (key !== this.#sideKey) return;
    replace(this.#side, content);
    const early = this.#early;
    this.#early = null;
    const target = this.#side.querySelector('[autofocus]') ?? this.#side.querySelector('.bar button');
    // What was typed while the search was loading belongs into it.
    if (early?.value && target?.matches('input')) { target.value = early.value; target.dispatchEvent(new Event('input')); }
    target?.focus({ preventScroll: true });
  }

  /** A link to a message: its conversation, at its place. */
  async #openMessage(uuid) {
    if (this.#asked === uuid) return;
    this.#asked = uuid;
    const { goToMessage } = await this.#later(() => import('./actions.js'));
    await goToMessage(this.#client, uuid);
    this.#asked = null;
  }

  /** A field that takes the keys until the search is here: none of them may go into a message. */
  #typeEarly() {
    this.#early = h('input', { type: 'search', 'aria-label': t('search.title'), autocomplete: 'off' });
    replace(this.#side, h('section.panel', { 'aria-label': t('search.title') }, h('header.bar', {}, h('div.search-box', {}, icon('search'), this.#early))));
    this.#early.focus({ preventScroll: true });
  }

  /** A module that is gone although the server is there: it was updated, and the page must be too. */
  async #later(load) {
    try {
      const [found] = await Promise.all([load(), rest()]);
      return found;
    } catch (error) {
      if (error instanceof TypeError && this.#client.state === 'ready') location.reload();
      throw error;
    }
  }

  async #showFlow(flow, place) {
    const { Conversation } = await this.#later(LATER.conversation);
    const beside = ['info', 'media'].includes(place.panel) ? place.panel : null;
    const Panel = beside ? await this.#later(LATER[beside]) : null;
    // The person may have gone on meanwhile.
    if (router.place !== place) return;
    const again = this.#shown === place;
    this.#shown = place;
    const same = this.#conversation?.flow === flow;
    if (!same) {
      this.#closeConversation();
      this.#conversation = new Conversation(this.#client, flow);
      replace(this.#main, this.#conversation.element);
      this.#conversation.open(place.number);
      if (!matchMedia('(pointer: coarse)').matches && place.number === null) this.#conversation.focusComposer();
    } else if (place.number !== null && !again) {
      this.#conversation.jump(place.number);
    }
    if (beside === this.#beside) return;
    this.#closeInfo();
    if (!Panel) return;
    this.#beside = beside;
    this.#info = new Panel(this.#client, flow);
    this.#main.append(this.#info.element);
    this.#info.element.querySelector('button')?.focus({ preventScroll: true });
  }

  #closeConversation() {
    this.#closeInfo();
    this.#conversation?.close();
    this.#conversation = null;
  }

  #closeInfo() {
    this.#info?.close();
    this.#info?.element.remove();
    this.#info = null;
    this.#beside = null;
  }

  #key(event) {
    if (document.querySelector('dialog[open]')) return;
    if (event.key === 'Escape' && !event.defaultPrevented) {
      if (router.place.flow || router.place.panel) { event.preventDefault(); router.go('/'); }
    } else if ((event.ctrlKey || event.metaKey) && event.key === 'k') {
      event.preventDefault();
      router.go('/search');
    } else if (event.altKey && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      const rows = [...this.#list.element.querySelectorAll('a.row')];
      const at = rows.findIndex((row) => row.getAttribute('aria-current'));
      rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === 'ArrowDown' ? 1 : -1)))]?.click();
    }
  }
}
