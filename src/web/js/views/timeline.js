// The scrolling conversation: a window of at most a few hundred messages upon a history of any
// length, moved along as one scrolls. Whatever changes, what the reader looks at stays where it is.

import { arrange, h, icon, replace } from '../core/dom.js';
import { perFrame } from '../core/emitter.js';
import { now } from '../core/clock.js';
import { locale, t } from '../core/i18n.js';
import { arrangeMessages } from '../text/grouping.js';
import { dayName, size } from '../text/times.js';
import { eventLines, linesKey } from '../events/lines.js';
import { bubble, signature } from './bubble.js';
import { follow } from './gestures.js';

/** How many messages one step adds, and how many stay in the page at most. */
const STEP = 40;
const LARGEST_WINDOW = 200;
/** The next step begins when the edge is this near (CSS pixels). */
const NEAR_PX = 1_400;
const AT_BOTTOM_PX = 60;

export class Timeline {
  element;
  scroller;
  #client;
  #flow;
  #inner;
  #newest;
  #selection;
  #above = skeleton();
  #below = skeleton();
  #nodes = new Map();
  #days = new Map();
  #lines = new Map();
  #from = 0;
  #to = -1;
  #stick = true;
  #tailDrawn = false;
  #unreadFrom = null;
  #busy = { up: false, down: false };
  #placed = false;
  #closers = [];
  #generation = 0;
  #render = perFrame(() => this.#draw());
  #scrolled = perFrame(() => this.#look());

  /** `act(name, message, node, event)` is told what a person does with a message; `selection` are those chosen together. */
  constructor(client, flow, act, selection) {
    this.#client = client;
    this.#flow = flow;
    this.#selection = selection;
    this.#inner = h('div.timeline-inner');
    this.scroller = h('div.timeline', { tabindex: '0', role: 'region', 'aria-label': t('messages') }, this.#inner);
    this.#newest = h('button.to-newest', { type: 'button', 'aria-label': t('to.newest'), onclick: () => this.toNewest() }, icon('down'), h('span.badge'));
    this.#newest.hidden = true;
    this.element = h('div.timeline-wrap', {}, this.scroller, this.#newest);
    this.scroller.addEventListener('scroll', () => { this.#noteStick(); this.#scrolled(); }, { passive: true });
    follow({
      scroller: this.scroller, inner: this.#inner, entries: () => [...this.#nodes.values()], act, picking: () => selection.active,
      toFirst: () => this.#moveTo(0, 'centre').then(() => { this.scroller.scrollTop = 0; }),
      toNewest: () => this.toNewest({ smooth: false }),
    });
    const resizes = new ResizeObserver(() => { if (this.#stick) this.#toEnd(); this.#scrolled(); });
    resizes.observe(this.scroller);
    resizes.observe(this.#inner);
    const focus = () => this.#scrolled();
    addEventListener('focus', focus);
    this.#closers = [
      () => resizes.disconnect(), () => removeEventListener('focus', focus),
      client.store.on('messages', (id) => { if (id === flow.uuid) this.#render(); }),
      client.store.on('users', () => this.#render()),
      selection.on('change', () => this.#draw()),
      client.store.on('incoming', (message) => this.#incoming(message)),
    ];
  }

  close() { for (const close of this.#closers) close(); }

  get #history() { return this.#flow.history; }

  get #atTail() { return this.#to >= this.#history.count - 1; }

  /** Shows `number`, or where the person stopped reading, or the newest. */
  async open(number = null) {
    const { read } = this.#flow;
    const unread = this.#client.store.unread(this.#flow);
    this.#unreadFrom = unread > 0 && read !== null ? read + 1 : null;
    if (number !== null) { await this.jump(number); return; }
    if (this.#unreadFrom !== null) await this.#moveTo(this.#unreadFrom, 'unread');
    else await this.toNewest({ smooth: false });
  }

  /** Scrolls to a message and lets it light up. */
  async jump(number) {
    await this.#moveTo(number, 'centre');
    const node = this.#nodeOf(number);
    node?.classList.remove('lit');
    void node?.offsetWidth;
    node?.classList.add('lit');
    node?.focus({ preventScroll: true });
  }

  async toNewest({ smooth = true } = {}) {
    const { count } = this.#history;
    if (smooth && this.#atTail && this.#placed) {
      this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
      return;
    }
    await this.#moveTo(count - 1, 'end');
  }

  /** The person sent something: the line has done its work, and the end is where they look. */
  async sent() {
    this.#unreadFrom = null;
    this.#stick = true;
    if (!this.#atTail) await this.toNewest({ smooth: false });
    else this.#draw();
  }

  /** The newest own message that can be edited, among those here. */
  lastOwn() {
    for (let number = this.#to; number >= this.#from; number -= 1) {
      const message = this.#history.get(number);
      if (message?.from === this.#client.store.me && !message.deleted && !message.forward && !message.poll) return message;
    }
    return null;
  }

  async #moveTo(number, where) {
    const generation = ++this.#generation;
    const { count } = this.#history;
    // Without messages there is no page of history to tell what happened.
    if (count === 0) this.#client.readEvents(this.#flow.uuid);
    const centre = Math.max(0, Math.min(number, count - 1));
    const from = Math.max(0, centre - STEP);
    const to = Math.min(count - 1, centre + STEP);
    let here = true;
    for (let at = Math.max(from, centre - 15); at <= Math.min(to, centre + 15); at += 1) here &&= this.#history.shows(at);
    if (!here) {
      if (!this.#placed) this.#showSkeleton();
      await this.#history.ensure(from - 1, to).catch(() => {});
      if (generation !== this.#generation) return;
    }
    this.#from = from;
    this.#to = to;
    this.#placed = true;
    this.#stick = where === 'end';
    this.#draw({ anchored: false });
    const node = this.#nodeOf(centre);
    if (where === 'end' || !node) { this.#stick = true; this.#toEnd(); } else if (where === 'unread') {
      const line = this.#inner.querySelector('.new-line') ?? node;
      this.scroller.scrollTop += line.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top - 80;
    } else {
      node.scrollIntoView({ block: 'center' });
    }
    this.#noteStick();
    if (here) this.#history.ensure(from - 1, to).catch(() => {});
    this.#look();
  }

  #nodeOf(number) {
    const message = this.#history.get(number);
    return message ? this.#nodes.get(message.key)?.node ?? null : null;
  }

  #toEnd() { this.scroller.scrollTop = this.scroller.scrollHeight; }

  #noteStick() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    // By what is drawn: more may have come that is not in the page yet.
    this.#stick = this.#tailDrawn && scrollHeight - scrollTop - clientHeight < AT_BOTTOM_PX;
  }

  #showSkeleton() {
    replace(this.#inner, skeleton(7));
  }

  #draw({ anchored = true } = {}) {
    if (!this.#placed) return;
    const { count } = this.#history;
    if (this.#stick && this.#to < count - 1) {
      const gap = this.#to + 1;
      this.#to = count - 1;
      if (this.#to - this.#from > LARGEST_WINDOW) this.#from = this.#to - LARGEST_WINDOW;
      this.#history.ensure(gap, this.#to).catch(() => {});
    }
    this.#to = Math.min(this.#to, count - 1);
    const anchor = anchored && !this.#stick ? this.#anchor() : null;
    const messages = [];
    if (this.#from === 0) this.#putLines(messages, -1);
    for (let number = this.#from; number <= this.#to; number += 1) {
      const message = this.#history.get(number);
      if (message) messages.push(message);
      this.#putLines(messages, number);
    }
    if (this.#to >= count - 1) messages.push(...this.#client.pending(this.#flow.uuid));
    this.#tailDrawn = this.#to >= count - 1;
    this.#reconcile(messages);
    if (this.#stick) this.#toEnd();
    else if (anchor?.node.isConnected) this.scroller.scrollTop += anchor.node.getBoundingClientRect().bottom - anchor.bottom;
    this.#scrolled();
  }

  /** What happened after message `number`. */
  #putLines(messages, number) {
    const lines = this.#flow.events.after(number);
    if (lines.length > 0) messages.push({ key: `events ${number}`, time: lines.at(-1).time, lines });
  }

  /**
   * The first message in sight, and where its lower edge is: what is above it may change with its
   * neighbours (an author's name, a day), what is below is what one reads.
   */
  #anchor() {
    const top = this.scroller.getBoundingClientRect().top;
    for (const { node } of this.#nodes.values()) {
      const box = node.getBoundingClientRect();
      if (box.bottom > top && node.isConnected) return { node, bottom: box.bottom };
    }
    return null;
  }

  #reconcile(messages) {
    const { store } = this.#client;
    const shared = this.#flow.type === 'group';
    const language = locale();
    const words = { today: t('today'), yesterday: t('yesterday') };
    const nodes = new Map();
    const days = new Map();
    const shown = [];
    if (this.#from > 0) shown.push(this.#above);
    for (const day of arrangeMessages(messages, this.#unreadFrom, this.#history.get(this.#from - 1) ?? null)) {
      const section = this.#days.get(day.day) ?? h('section.day', {}, h('h2.pill', {}));
      const pill = section.firstElementChild;
      const name = dayName(day.time, now(), language, words);
      if (pill.textContent !== name) pill.textContent = name;
      const children = [pill];
      for (const item of day.items) {
        if (item.lines) { children.push(...this.#linesOf(item.lines)); continue; }
        const { message } = item;
        const edit = message.uuid ? this.#client.outbox.editOf(message.uuid) : undefined;
        const wanted = `${signature(message, store)}\u0000${edit?.txn} ${edit?.state}`;
        let entry = this.#nodes.get(message.key);
        if (entry?.signature !== wanted) {
          const focused = entry?.node === document.activeElement;
          entry = { signature: wanted, node: bubble(edit ? withEdit(message, edit) : message, store, { own: message.from === store.me, shared }) };
          if (focused) queueMicrotask(() => entry.node.focus({ preventScroll: true }));
        }
        entry.message = message;
        entry.node.classList.toggle('first', item.first);
        entry.node.classList.toggle('last', item.last);
        entry.node.classList.toggle('selected', this.#selection.has(message));
        entry.node.dataset.number = message.number ?? '';
        this.#progress(entry.node, message);
        if (item.newAbove) children.push(this.#newLine ??= h('div.new-line', {}, h('span', {}, t('new.messages'))));
        children.push(entry.node);
        nodes.set(message.key, entry);
      }
      arrange(section, children);
      days.set(day.day, section);
      shown.push(section);
    }
    if (this.#to < this.#history.count - 1) shown.push(this.#below);
    if (this.#history.count === 0 && messages.every((message) => message.lines)) shown.push(emptyFlow(this.#flow));
    this.#nodes = nodes;
    this.#days = days;
    arrange(this.#inner, shown);
  }

  #newLine = null;

  #linesOf({ key, lines }) {
    const wanted = linesKey(lines, this.#client.store);
    let entry = this.#lines.get(key);
    if (entry?.wanted !== wanted) {
      entry = { wanted, nodes: eventLines(lines, this.#client.store, this.#flow) };
      this.#lines.set(key, entry);
    }
    return entry.nodes;
  }

  #progress(node, message) {
    const part = message.pending?.state === 'queued' && message.files.length > 0 ? message.pending.progress : null;
    let bar = node.querySelector('progress');
    if (part === null) { bar?.nextElementSibling?.remove(); bar?.remove(); return; }
    if (!bar) {
      bar = h('progress', { max: '1', 'aria-label': t('file.uploading') });
      node.querySelector('.bubble').append(bar, h('span.sent-part', { 'aria-hidden': 'true' }));
    }
    bar.value = part;
    const total = message.files.reduce((sum, file) => sum + (file.size ?? 0), 0);
    bar.nextElementSibling.textContent = total > 0 ? `${size(total * part, locale())} / ${size(total, locale())}` : '';
  }

  /** After scrolling: extends the window, tells what was read, shows the way back down. */
  #look() {
    if (!this.#placed || !this.element.isConnected) return;
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.#history.looksAt(this.#from, this.#to);
    if (scrollTop < NEAR_PX && this.#from > 0) this.#extend('up');
    if (scrollHeight - scrollTop - clientHeight < NEAR_PX && !this.#atTail) this.#extend('down');
    const unread = this.#client.store.unread(this.#flow);
    this.#newest.hidden = this.#stick || (this.#atTail && scrollHeight - scrollTop - clientHeight < clientHeight / 2);
    const badge = this.#newest.lastElementChild;
    badge.textContent = unread > 0 ? String(unread) : '';
    this.#markRead();
  }

  async #extend(way) {
    if (this.#busy[way]) return;
    this.#busy[way] = true;
    const generation = this.#generation;
    const { count } = this.#history;
    const from = way === 'up' ? Math.max(0, this.#from - STEP) : this.#from;
    const to = way === 'down' ? Math.min(count - 1, this.#to + STEP) : this.#to;
    // One more above than is shown: whether a message begins a group must not change later.
    const step = way === 'up' ? [from - 1, this.#from - 1] : [this.#to + 1, to];
    let here = true;
    for (let at = Math.max(0, step[0]); at <= step[1]; at += 1) here &&= this.#history.shows(at);
    try {
      if (!here) await this.#history.ensure(...step);
      if (generation !== this.#generation) return;
      this.#from = way === 'up' ? from : Math.max(from, to - LARGEST_WINDOW);
      this.#to = way === 'down' ? to : Math.min(to, from + LARGEST_WINDOW);
      this.#draw();
    } catch {
      // Refused or gone: the skeleton stays, and scrolling again asks again.
    } finally {
      this.#busy[way] = false;
    }
  }

  #markRead() {
    if (document.hidden || !document.hasFocus()) return;
    const bottom = this.scroller.getBoundingClientRect().bottom + 8;
    let read = -1;
    for (const { node, message } of [...this.#nodes.values()].reverse()) {
      if (message.number !== null && node.getBoundingClientRect().bottom <= bottom) { read = message.number; break; }
    }
    if (read >= 0) this.#client.markRead(this.#flow.uuid, read);
  }

  #incoming(message) {
    if (message.flow !== this.#flow.uuid || message.from === this.#client.store.me) return;
    const away = document.hidden || !document.hasFocus();
    if (away && (this.#unreadFrom === null || this.#unreadFrom <= (this.#flow.read ?? -1))) this.#unreadFrom = message.number;
  }
}

/** A message as it will be, once its new text is on the server. */
function withEdit(message, edit) {
  return { ...message, text: edit.text, edited: true, pending: { txn: edit.txn, state: edit.state, error: edit.error ?? null, edit: true } };
}

function skeleton(rows = 3) {
  return h('div.skeletons', { 'aria-hidden': 'true' },
    Array.from({ length: rows }, (_, i) => h('div.skeleton', { class: `shape-${i % 4}` })));
}

function emptyFlow(flow) {
  return h('div.empty-flow', {}, h('p', {}, t(flow.type === 'channel' ? 'empty.channel' : 'empty.flow')));
}
