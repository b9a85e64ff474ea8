// One flow: its head, its messages, where one writes.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { now } from '../core/clock.js';
import { locale, t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { authorOf, isDeleted, nameOf, summary } from '../data/message.js';
import { PinsBar } from '../pins/bar.js';
import { lastSeen } from '../text/times.js';
import { describe } from './form.js';
import { MessageActions } from './actions.js';
import { flowAvatar, flowTitle } from './avatar.js';
import { Composer } from './composer.js';
import { toast } from './overlay.js';
import { Selection } from './selection.js';
import { Timeline } from './timeline.js';

/** In larger groups nobody is told how far others have read. */
const SEEN_UP_TO = 50;

export class Conversation {
  element;
  flow;
  #client;
  #head;
  #foot;
  #timeline;
  #composer = null;
  #live;
  #pins;
  #selection;
  #actions;
  #closers;

  constructor(client, flow) {
    this.#client = client;
    this.flow = flow;
    this.#selection = new Selection(client, flow);
    this.#pins = new PinsBar(client, flow, (uuid) => this.#actions.jumpTo(uuid));
    this.#actions = new MessageActions(client, flow, { jump: (number) => this.jump(number), composer: () => this.#composer, pins: this.#pins, selection: this.#selection });
    this.#timeline = new Timeline(client, flow, (...what) => this.#actions.act(...what), this.#selection);
    this.#head = h('header.bar.conversation-head', {});
    this.#foot = h('div.foot', {});
    // Screen readers hear what arrives; the list itself changes too much while it scrolls.
    this.#live = h('div.visually-hidden', { 'aria-live': 'polite' });
    this.element = h('div.conversation', {}, this.#head, this.#selection.bar, this.#pins.element, this.#timeline.element, this.#foot, this.#live);
    const { store } = client;
    this.#closers = [
      store.on('flow', (id) => { if (id === flow.uuid) this.#draw(); }),
      store.on('users', () => this.#draw()),
      store.on('blocked', () => this.#draw()),
      store.on('presence', () => this.#drawHead()),
      store.on('typing', (id) => { if (id === flow.uuid) this.#drawHead(); }),
      client.on('state', () => this.#drawHead()),
      store.on('incoming', (message) => this.#announce(message)),
    ];
    this.#acceptDrops();
    if (store.complete && flow.type === 'group' && flow.members <= SEEN_UP_TO) this.#readSeen();
    this.#draw();
  }

  async open(number) {
    await this.#timeline.open(number);
  }

  jump(number) { return this.#timeline.jump(number); }

  focusComposer() { this.#composer?.focus(); }

  close() {
    for (const close of this.#closers) close();
    this.#timeline.close();
    this.#pins.close();
    if (this.#selection.active) this.#selection.end();
    this.#composer?.close();
  }

  #draw() {
    this.#drawHead();
    const why = this.#client.store.whyNotWrite(this.flow);
    if (this.#foot.dataset.why === String(why)) return;
    this.#foot.dataset.why = String(why);
    this.#composer?.close();
    this.#composer = null;
    if (!why) {
      this.#composer = new Composer(this.#client, this.flow, this.#timeline);
      replace(this.#foot, this.#composer.element);
    } else if (why === 'blocked') {
      replace(this.#foot, h('p.read-only', {}, t('chat.blocked'), ' ', h('button.link', { type: 'button', onclick: () => this.#unblock() }, t('unblock'))));
    } else {
      replace(this.#foot, h('p.read-only', {}, t(why === 'channel' ? 'channel.readonly' : 'chat.deleted')));
    }
  }

  async #unblock() {
    try {
      await this.#client.block(this.#client.store.partner(this.flow), false);
    } catch (error) {
      toast(describe(error));
    }
  }

  #drawHead() {
    const { store } = this.#client;
    const typing = store.typingIn(this.flow.uuid);
    const key = JSON.stringify([flowTitle(store, this.flow), this.#status(typing), store.users.get(store.partner(this.flow))?.avatar?.id, this.flow.picture?.id, store.online.has(store.partner(this.flow))]);
    if (this.#head.dataset.key === key) return;
    this.#head.dataset.key = key;
    replace(this.#head,
      h('h1.visually-hidden', {}, flowTitle(store, this.flow)),
      iconButton('back', t('back'), () => router.back('/'), { class: 'back' }),
      h('button.head-title', { type: 'button', onclick: () => router.go(`/f/${this.flow.uuid}/info`), title: t('flow.info.of', { title: flowTitle(store, this.flow) }) },
        flowAvatar(store, this.flow, 's'),
        h('span.head-words', {},
          h('span.head-name', {}, h('bdi', {}, flowTitle(store, this.flow))),
          h('span.head-status', { class: typing.length > 0 ? 'typing' : '' }, this.#status(typing)))),
      iconButton('search', t('search.here'), () => router.go(`/search/${this.flow.uuid}`)),
      iconButton('more', t('more'), () => router.go(`/f/${this.flow.uuid}/info`)));
  }

  #status(typing) {
    const { store } = this.#client;
    const { flow } = this;
    if (this.#client.state === 'ready' && typing.length > 0) {
      if (flow.type === 'chat') return t('typing.chat');
      return t('typing.group', { name: nameOf(store.users.get(typing[0]), t), n: typing.length });
    }
    // Without a connection nobody knows who is here.
    if (this.#client.state === 'offline') return t('connection.offline');
    if (flow.type === 'chat') return this.#personStatus(store.users.get(store.partner(flow)));
    if (flow.saved) return t('saved.hint');
    const members = t(flow.type === 'channel' ? 'subscribers' : 'members', { n: flow.members });
    // Oneself counts too, as in the number of members, but is not worth telling alone.
    const others = flow.users.filter((id) => id !== store.me && store.online.has(id)).length;
    return flow.type === 'group' && others > 0 ? `${members}, ${t('members.online', { n: others + 1 })}` : members;
  }

  #personStatus(person) {
    const { store } = this.#client;
    if (!person || isDeleted(person) || store.blocked.has(person.uuid)) return '';
    if (person.is_bot) return t('person.bot');
    if (store.online.has(person.uuid)) return t('online');
    return person.seenAt ? lastSeen(person.seenAt, now(), locale(), t) : t('offline');
  }

  /** How far the others have read, which only pushes tell from here on. */
  async #readSeen() {
    const found = await this.#client.whenReady(() => this.#client.api.inFlow('seen_flow', this.flow.uuid)).catch(() => null);
    if (found?.meta?.seen) this.#client.store.putSeen({ [this.flow.uuid]: found.meta.seen });
  }

  #announce(message) {
    if (message.flow !== this.flow.uuid || message.from === this.#client.store.me) return;
    this.#live.textContent = `${authorOf(message, this.#client.store, t)}: ${summary(message, t)}`;
  }

  #acceptDrops() {
    let depth = 0;
    const show = (on) => this.element.classList.toggle('dropping', on);
    const has = (event) => this.#composer && event.dataTransfer?.types.includes('Files');
    this.element.addEventListener('dragenter', (event) => { if (has(event)) { event.preventDefault(); depth += 1; show(true); } });
    this.element.addEventListener('dragover', (event) => { if (has(event)) event.preventDefault(); });
    this.element.addEventListener('dragleave', (event) => { if (has(event)) { depth -= 1; show(depth > 0); } });
    this.element.addEventListener('drop', (event) => {
      if (!has(event)) return;
      event.preventDefault();
      depth = 0;
      show(false);
      this.#composer.addFiles([...event.dataTransfer.files]);
    });
    this.element.append(h('div.drop-hint', { 'aria-hidden': 'true' }, icon('clip'), t('file.drop')));
  }
}
