// Where one writes: text that grows to five lines, files to go with it, drafts, editing.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { locale, t } from '../core/i18n.js';
import { draftKey } from '../data/drafts.js';
import { summary } from '../data/message.js';
import { forget, urlOf } from '../media/attachments.js';
import { prepare } from '../media/shrink.js';
import { size } from '../text/times.js';
import { EMOJI } from '../text/emoji.js';
import { menu, toast } from './overlay.js';

/** A server's usual limit for the files of a message. */
const LARGEST_FILE_BYTES = 10 * 1024 * 1024;

const onTouch = () => matchMedia('(pointer: coarse)').matches;

export class Composer {
  element;
  #client;
  #flow;
  #timeline;
  #field;
  #bar;
  #tray;
  #send;
  #editing = null;
  #files = [];
  #picker;
  #cameraPicker;

  constructor(client, flow, timeline) {
    this.#client = client;
    this.#flow = flow;
    this.#timeline = timeline;
    this.#bar = h('div.composer-bar', {});
    this.#tray = h('div.tray', {});
    this.#bar.hidden = true;
    this.#tray.hidden = true;
    this.#field = h('textarea.composer-field', {
      rows: '1', dir: 'auto', 'aria-label': t('composer.label'), placeholder: t('composer.placeholder'), maxlength: '60000',
      enterkeyhint: onTouch() ? 'enter' : 'send', autocomplete: 'off',
      oninput: () => { this.#changed(); if (this.#field.value !== '') client.typing(flow.uuid); },
      onkeydown: (event) => this.#key(event),
      onpaste: (event) => this.#paste(event),
    });
    this.#picker = h('input.visually-hidden', { type: 'file', multiple: true, tabindex: '-1', 'aria-hidden': 'true', onchange: () => this.#picked(this.#picker) });
    this.#cameraPicker = h('input.visually-hidden', { type: 'file', accept: 'image/*', capture: 'environment', tabindex: '-1', 'aria-hidden': 'true', onchange: () => this.#picked(this.#cameraPicker) });
    this.#send = iconButton('send', t('composer.send'), () => this.send(), { class: 'send' });
    // The keyboard of a phone stays open while one taps "send".
    this.#send.addEventListener('pointerdown', (event) => event.preventDefault());
    this.element = h('div.composer', {}, this.#bar, this.#tray,
      h('div.composer-row', {},
        iconButton('clip', t('composer.attach'), () => this.#attach(), { class: 'attach' }),
        h('div.composer-box', {}, this.#field,
          iconButton('smile', t('composer.emoji'), (event) => this.#emoji(event.currentTarget), { class: 'emoji-button', 'aria-expanded': 'false' })),
        this.#send),
      this.#picker, this.#cameraPicker);
    this.#field.value = localStorage.getItem(this.#draftKey) ?? '';
    queueMicrotask(() => this.#changed(false));
  }

  get #draftKey() { return draftKey(this.#client.store.me, this.#flow.uuid); }

  focus() { this.#field.focus({ preventScroll: true }); }

  /** Whether typing may go here from anywhere on the page. */
  get busy() { return this.#editing !== null; }

  close() {
    for (const file of this.#files) forget(file.blob);
  }

  #changed(store = true) {
    const { value } = this.#field;
    this.#send.disabled = value.trim() === '' && this.#files.length === 0;
    this.#send.setAttribute('aria-label', t(this.#editing ? 'save' : 'composer.send'));
    this.#grow();
    if (!store || this.#editing) return;
    if (value.trim() === '') localStorage.removeItem(this.#draftKey);
    else localStorage.setItem(this.#draftKey, value);
    this.#client.store.emit('flows');
  }

  /** Browsers that cannot size a field by its content are told. */
  #grow() {
    if (CSS.supports('field-sizing', 'content')) return;
    this.#field.style.height = 'auto';
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }

  #key(event) {
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey && (event.ctrlKey || event.metaKey || !onTouch())) {
      event.preventDefault();
      this.send();
    } else if (event.key === 'ArrowUp' && this.#field.value === '' && !this.#editing) {
      const message = this.#timeline.lastOwn();
      if (message) { event.preventDefault(); this.edit(message); }
    } else if (event.key === 'Escape' && this.#editing) {
      event.preventDefault();
      event.stopPropagation();
      this.#endEdit();
    }
  }

  /** Sends what is here, or saves the edit. */
  async send() {
    const text = this.#field.value.trim();
    if (this.#editing) { await this.#saveEdit(text); return; }
    if (this.#files.some((file) => file.preparing)) { toast(t('file.preparing')); return; }
    if (text === '' && this.#files.length === 0) return;
    const files = this.#files;
    this.#files = [];
    this.#field.value = '';
    this.#drawTray();
    this.#changed();
    const { outbox } = this.#client;
    let caption = text;
    for (const { ready, name } of files) {
      const file = { field: `file_${ready.kind}`, kind: ready.kind, mime: ready.mime, extension: ready.extension, blob: ready.blob, size: ready.blob.size, width: ready.width, height: ready.height };
      // The text of a document is its name, so a caption goes in a message of its own, after.
      if (ready.kind === 'document') outbox.add(this.#flow.uuid, name, [{ ...file, name }]);
      else { outbox.add(this.#flow.uuid, caption, [file]); caption = ''; }
    }
    if (caption !== '') outbox.add(this.#flow.uuid, caption);
    await this.#timeline.sent();
  }

  edit(message) {
    this.#editing = message;
    this.#field.value = message.text;
    replace(this.#bar,
      icon('pencil'),
      h('div.composer-bar-words', {}, h('strong', {}, t('composer.editing')), h('span', { dir: 'auto' }, summary(message, t))),
      iconButton('close', t('cancel'), () => this.#endEdit()));
    this.#bar.hidden = false;
    this.#changed();
    this.focus();
    this.#field.setSelectionRange(message.text.length, message.text.length);
  }

  #endEdit() {
    this.#editing = null;
    this.#bar.hidden = true;
    this.#field.value = localStorage.getItem(this.#draftKey) ?? '';
    this.#changed();
    this.focus();
  }

  async #saveEdit(text) {
    const message = this.#editing;
    if (text === '' && message.files.length === 0) return;
    if (text !== message.text) {
      try {
        await this.#client.api.edit(this.#flow.uuid, message.uuid, text);
        const current = this.#flow.history.get(message.number) ?? message;
        this.#flow.history.put({ ...current, text, edited: true });
        this.#client.store.emit('flows');
      } catch (error) {
        toast(error.detail || t('error.connection'));
        return;
      }
    }
    this.#endEdit();
  }

  #attach() {
    if (!onTouch()) { this.#picker.click(); return; }
    menu(this.element.querySelector('.attach'), [
      { icon: 'camera', label: t('composer.camera'), act: () => this.#cameraPicker.click() },
      { icon: 'picture', label: t('composer.gallery'), act: () => { this.#picker.accept = 'image/*,video/*'; this.#picker.click(); } },
      { icon: 'file', label: t('composer.file'), act: () => { this.#picker.removeAttribute('accept'); this.#picker.click(); } },
    ]);
  }

  #picked(input) {
    this.addFiles([...input.files]);
    input.value = '';
  }

  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    this.addFiles(files);
  }

  /** Puts files beside the text; pictures are made smaller unless the person wants them as they are. */
  addFiles(files) {
    for (const file of files.slice(0, 20)) {
      const entry = { source: file, name: file.name || 'file', original: false, ready: null, preparing: true };
      this.#files.push(entry);
      this.#prepare(entry);
    }
    this.#drawTray();
    this.#changed();
    this.focus();
  }

  async #prepare(entry) {
    entry.preparing = true;
    entry.ready = await prepare(entry.source, { original: entry.original }).catch(() => null);
    entry.preparing = false;
    if (!entry.ready || entry.ready.blob.size > LARGEST_FILE_BYTES) {
      toast(t('file.too.large', { name: entry.name, limit: size(LARGEST_FILE_BYTES, locale()) }));
      this.#files = this.#files.filter((one) => one !== entry);
    }
    this.#drawTray();
    this.#changed();
  }

  #drawTray() {
    this.#tray.hidden = this.#files.length === 0;
    const pictures = this.#files.filter((entry) => entry.source.type.startsWith('image/'));
    replace(this.#tray,
      h('div.tray-files', {}, this.#files.map((entry) => this.#trayItem(entry))),
      pictures.length > 0 && h('label.check', {},
        h('input', { type: 'checkbox', checked: pictures.every((entry) => entry.original), onchange: (event) => {
          for (const entry of pictures) { entry.original = event.target.checked; this.#prepare(entry); }
        } }), t('file.original')));
  }

  #trayItem(entry) {
    const picture = entry.ready?.kind === 'picture';
    return h('div.tray-item', { class: picture ? 'picture' : '' },
      picture ? h('img', { src: urlOf(entry.ready.blob), alt: entry.name }) : h('span.tray-file', {}, icon('file'), h('span', { dir: 'auto' }, entry.name)),
      h('span.tray-size', {}, size((entry.ready?.blob ?? entry.source).size, locale())),
      iconButton('close', t('remove', { name: entry.name }), () => {
        this.#files = this.#files.filter((one) => one !== entry);
        this.#drawTray();
        this.#changed();
        this.focus();
      }));
  }

  #emoji(button) {
    const old = this.element.querySelector('.emoji-panel');
    button.setAttribute('aria-expanded', String(!old));
    if (old) { old.remove(); this.focus(); return; }
    const panel = h('div.emoji-panel', { role: 'group', 'aria-label': t('composer.emoji') });
    for (const sign of EMOJI) panel.append(h('button', { type: 'button', onclick: () => this.#insert(sign) }, sign));
    panel.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); this.#emoji(button); } });
    this.element.append(panel);
    if (!onTouch()) panel.firstElementChild.focus();
  }

  #insert(sign) {
    const { selectionStart, selectionEnd } = this.#field;
    this.#field.setRangeText(sign, selectionStart, selectionEnd, 'end');
    this.#changed();
  }
}
