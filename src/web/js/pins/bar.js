// What is pinned in a conversation, in a bar at its top: a tap leads to it, and the next tap to the
// one before.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { authorOf, fromWire, summary } from '../data/message.js';
import { describe } from '../views/form.js';
import { dialog, toast } from '../views/overlay.js';

/** Whether the caller may pin here. */
export function mayPin(store, flow) {
  if (flow.type === 'chat' || flow.saved) return true;
  return store.moderates(flow) || (flow.type === 'group' && flow.pin !== 'owner');
}

export class PinsBar {
  element = h('div.pins', {});
  #client;
  #flow;
  #jump;
  #pins = [];
  #at = 0;
  #closers;

  /** `jump(uuid)` leads to a message. */
  constructor(client, flow, jump) {
    this.#client = client;
    this.#flow = flow;
    this.#jump = jump;
    this.element.hidden = true;
    this.#closers = [client.store.on('pins', (id) => { if (id === flow.uuid) this.read(); })];
    if (flow.pins > 0) this.read();
  }

  close() { for (const close of this.#closers) close(); }

  has(uuid) { return this.#pins.some((pin) => pin.uuid === uuid); }

  async read() {
    try {
      const { message = [], meta = {} } = await this.#client.whenReady(() => this.#client.api.inFlow('pins', this.#flow.uuid));
      this.#pins = message.map((wire) => fromWire(wire, Number(meta.numbers?.[wire.uuid]), meta.about?.[wire.uuid]));
      this.#flow.pins = this.#pins.length;
    } catch {
      // The bar stays as it was: it is read again with the next news.
    }
    this.#at = 0;
    this.#draw();
  }

  #draw() {
    const pin = this.#pins[this.#at];
    this.element.hidden = !pin;
    if (!pin) return;
    const count = this.#pins.length;
    replace(this.element,
      h('button.pin', { type: 'button', 'aria-label': t('pin.open', { text: summary(pin, t) }), onclick: () => this.#open(pin) },
        icon('pin'),
        h('span.pin-words', {},
          h('strong', {}, count > 1 ? t('pin.of', { n: this.#at + 1, count }) : t('pin.one')),
          h('span', { dir: 'auto' }, summary(pin, t)))),
      count > 1 && iconButton('menu', t('pin.all'), () => this.#list()));
  }

  #open(pin) {
    this.#jump(pin.uuid);
    this.#at = (this.#at + 1) % this.#pins.length;
    this.#draw();
  }

  #list() {
    const { store } = this.#client;
    dialog(t('pin.all'), (close) => h('form.question', { onsubmit: (event) => { event.preventDefault(); close(); } },
      h('h2', {}, t('pin.all')),
      h('div.rows', {}, this.#pins.map((pin) => h('button.row', { type: 'button', onclick: () => { close(); this.#jump(pin.uuid); } },
        h('span.row-words', {}, h('span.row-title', {}, h('bdi', {}, authorOf(pin, store, t))), h('span.row-text.two-lines', { dir: 'auto' }, summary(pin, t)))))),
      h('div.actions', {}, h('button.button', { autofocus: true }, t('close')))));
  }

  /** Pins a message, or takes the pin away. */
  async set(message, on) {
    try {
      await this.#client.api.about('pin_message', message.uuid, { on });
      this.#client.readEvents(this.#flow.uuid);
      await this.read();
    } catch (error) {
      toast(describe(error));
    }
  }
}
