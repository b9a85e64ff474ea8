// Several messages at once: chosen by taps, then copied, passed on or deleted together.

import { copyText } from '../core/clipboard.js';
import { h, iconButton, replace } from '../core/dom.js';
import { Emitter } from '../core/emitter.js';
import { locale, t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { authorOf, summary } from '../data/message.js';
import { clockTime } from '../text/times.js';
import { confirm, toast } from './overlay.js';

/** The most that is passed on at once. */
const MOST = 100;

/** Topic: `change`. */
export class Selection extends Emitter {
  bar = h('header.bar.selection', { role: 'toolbar', 'aria-label': t('selection') });
  #client;
  #flow;
  #chosen = new Map();
  #closed = null;

  constructor(client, flow) {
    super();
    this.#client = client;
    this.#flow = flow;
    this.bar.hidden = true;
    this.bar.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); this.end(); } });
  }

  get active() { return this.#closed !== null; }

  has(message) { return this.#chosen.has(message.uuid); }

  /** Begins with a message; a telephone's Back ends it. */
  begin(message) {
    this.#closed ??= router.overlay(() => { this.#closed = null; this.end(); });
    this.toggle(message);
  }

  toggle(message) {
    if (message.uuid === null || message.deleted) return;
    if (!this.#chosen.delete(message.uuid) && this.#chosen.size < MOST) this.#chosen.set(message.uuid, message);
    if (this.#chosen.size === 0) { this.end(); return; }
    this.#draw();
    this.emit('change');
  }

  end() {
    this.#chosen.clear();
    this.#closed?.();
    this.#closed = null;
    this.bar.hidden = true;
    this.emit('change');
  }

  #draw() {
    const { store } = this.#client;
    const all = [...this.#chosen.values()].sort((a, b) => a.number - b.number);
    const free = !this.#flow.protect;
    const passable = free && all.every((message) => !message.poll && !message.expires);
    const mine = all.every((message) => message.from === store.me || store.moderates(this.#flow));
    this.bar.hidden = false;
    replace(this.bar,
      iconButton('close', t('cancel'), () => this.end()),
      h('strong.selection-count', { role: 'status' }, t('selection.count', { n: all.length })),
      free && iconButton('copy', t('message.copy'), () => this.#copy(all)),
      passable && iconButton('forward', t('forward'), () => this.#forward(all)),
      mine && iconButton('trash', t('message.delete'), () => this.#delete(all)));
  }

  async #copy(all) {
    const { store } = this.#client;
    const lines = all.length === 1 ? [all[0].text]
      : all.map((message) => `${authorOf(message, store, t)}, ${clockTime(message.time, locale())}: ${summary(message, t, message.text)}`);
    await copyText(lines.join('\n'));
    toast(t('copied'));
    this.end();
  }

  async #forward(all) {
    const { forwardMessages } = await import('../forward/dialog.js');
    if (await forwardMessages(this.#client, all)) this.end();
  }

  async #delete(all) {
    if (all.length > 1 && !(await confirm(t('selection.delete', { n: all.length }), { action: t('message.delete'), danger: true, text: t('message.delete.text') }))) return;
    const { removalsOf } = await import('../data/removals.js');
    removalsOf(this.#client).remove(all);
    this.end();
  }
}
