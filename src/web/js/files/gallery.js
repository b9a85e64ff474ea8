// All pictures, files, voice messages and links of a conversation, newest first.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { now } from '../core/clock.js';
import { locale, t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { fromWire, nameOf } from '../data/message.js';
import { blobOf, urlOf } from '../media/loader.js';
import { linkify } from '../text/linkify.js';
import { clock, shortTime, size } from '../text/times.js';
import { describe } from '../views/form.js';
import { showPictures } from '../views/lightbox.js';

const TABS = { media: ['picture', 'video'], files: ['document'], voice: ['voice', 'audio'], links: null };

/** The panel beside a conversation. */
export class Gallery {
  element;
  #client;
  #flow;
  #tab = 'media';
  #list = h('div.gallery', {});
  #tabs = h('div.flow-filters', { role: 'group', 'aria-label': t('gallery') });
  #state = h('p.hint.centred', { role: 'status' });
  #more = h('div.list-actions', {});
  #messages = [];
  #asked = 0;

  constructor(client, flow) {
    this.#client = client;
    this.#flow = flow;
    const back = () => router.back(`/f/${flow.uuid}/info`);
    this.element = h('section.panel.info', { 'aria-label': t('gallery') },
      h('header.bar', {}, iconButton('back', t('back'), back), h('h1', {}, t('gallery'))),
      this.#tabs, h('div.scroll', {}, this.#list, this.#state, this.#more));
    this.element.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); back(); } });
    this.#open('media');
  }

  close() { this.#asked += 1; }

  #open(tab) {
    this.#tab = tab;
    this.#messages = [];
    const focused = this.#tabs.contains(document.activeElement);
    replace(this.#tabs, Object.keys(TABS).map((name) => h('button.filter', { type: 'button', 'aria-pressed': String(name === tab), onclick: () => this.#open(name) }, t(`gallery.${name}`))));
    if (focused) this.#tabs.querySelector('[aria-pressed=true]').focus();
    replace(this.#list);
    this.#read(null);
  }

  async #read(before) {
    this.#asked += 1;
    const mine = this.#asked;
    this.#state.textContent = t('search.busy');
    replace(this.#more);
    try {
      const { messages, next } = await this.#page(before);
      if (mine !== this.#asked) return;
      this.#messages.push(...messages);
      this.#draw();
      this.#state.textContent = this.#messages.length === 0 && next === null ? t('gallery.none') : '';
      replace(this.#more, next !== null && h('button.row.action', { type: 'button', onclick: () => this.#read(next) }, icon('down'), t('search.more')));
    } catch (error) {
      if (mine === this.#asked) this.#state.textContent = describe(error);
    }
  }

  async #page(before) {
    const { api } = this.#client;
    const { uuid } = this.#flow;
    const read = (wire, meta) => fromWire(wire, Number(meta.numbers?.[wire.uuid]), meta.about?.[wire.uuid]);
    if (this.#tab === 'links') {
      const found = await this.#client.whenReady(() => api.search('http', uuid, before === null ? {} : { before }));
      return { messages: found.messages.map((wire) => read(wire, found.meta)).filter((message) => linkify(message.text).some((piece) => piece.href)), next: found.more };
    }
    const { data, errors } = await this.#client.whenReady(() => api.ask('list_files', { flow: [{ uuid }], meta: { kinds: TABS[this.#tab], ...(before === null ? {} : { before }) } }));
    const messages = (data?.message ?? []).map((wire) => read(wire, data.meta ?? {}));
    return { messages, next: errors?.code === 206 && messages.length > 0 ? messages.at(-1).number : null };
  }

  #draw() {
    const { store } = this.#client;
    this.#list.className = `gallery gallery-${this.#tab}`;
    const kinds = TABS[this.#tab];
    const files = this.#messages.flatMap((message) => message.files.filter((file) => kinds?.includes(file.kind)).map((file) => ({ file, message })));
    if (this.#tab === 'media') {
      const items = files.map(({ file, message }) => ({ file, title: nameOf(store.users.get(message.from), t) }));
      replace(this.#list, files.map(({ file }, i) => tile(file, () => showPictures(items, i))));
    } else if (this.#tab === 'links') {
      replace(this.#list, this.#messages.flatMap((message) => linkify(message.text).filter((piece) => piece.href).map((piece) => this.#row(message, 'link', piece.text, new URL(piece.href).hostname || piece.href))));
    } else {
      replace(this.#list, files.map(({ file, message }) => this.#row(message, file.kind === 'document' ? 'file' : 'mic', file.name ?? t(`file.${file.kind}`), [file.duration ? clock(file.duration / 1000) : '', size(file.size, locale())].filter(Boolean).join(' · '))));
    }
  }

  /** A row that leads to its message. */
  #row(message, sign, title, details) {
    const name = nameOf(this.#client.store.users.get(message.from), t);
    return h('button.row', { type: 'button', onclick: () => router.go(`/f/${message.flow}/m/${message.number}`) },
      h('span.choice-icon', {}, icon(sign)),
      h('span.row-words', {}, h('span.row-title', { dir: 'auto' }, title), h('span.row-text', {}, `${details} · ${name} · ${shortTime(message.time, now(), locale())}`)));
  }
}

function tile(file, open) {
  const image = h('img', { alt: t(`file.${file.kind}`), loading: 'lazy' });
  const small = file.thumbnail?.id ? { ...file.thumbnail, kind: 'picture', type: file.thumbnail.type ?? 'image/jpeg' } : file;
  if (file.kind === 'picture' || small !== file) blobOf(small).then((blob) => { image.src = urlOf(blob); }, () => {});
  return h('button.tile', { type: 'button', 'aria-label': t('file.open'), onclick: open }, image,
    file.kind === 'video' && h('span.tile-time', {}, icon('play'), file.duration ? clock(file.duration / 1000) : ''));
}
