// Where one writes: text that grows to five lines, files to go with it, an answer, an edit. All of it
// is a draft from the first key on.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { summary } from '../data/message.js';
import { largestFile } from '../files/upload.js';
import { recordVoice, spokenBefore, voiceButton } from '../files/voice.js';
import { quoteOf, quotedAuthor, quoteText } from '../replies/quote.js';
import { Completion, mentionsIn } from '../mentions/complete.js';
import { askPoll } from '../polls/poll.js';
import { LinkPreview } from '../previews/card.js';
import { EMOJI } from '../text/emoji.js';
import { hasMarks } from '../text/markup.js';
import { split } from '../text/split.js';
import { formatBar, markOf, toggleMark } from './formatbar.js';
import { menu } from './menu.js';
import { toast } from './overlay.js';
import { Tray } from './tray.js';

const onTouch = () => matchMedia('(pointer: coarse)').matches;

/** The most files of one message. */
const FILES_PER_MESSAGE = 20;

export class Composer {
  element;
  #client;
  #flow;
  #timeline;
  #field;
  #bar = h('div.composer-bar', {});
  #tray;
  #row;
  #send;
  #voice;
  #recording = false;
  #spoken = null;
  #sending = false;
  #picker;
  #cameraPicker;
  #completion;
  #link;
  /** Closes the signs that are open for choosing. @type {(() => void) | null} */
  #closeEmoji = null;
  #closers;
  #closed = false;

  constructor(client, flow, timeline) {
    this.#client = client;
    this.#flow = flow;
    this.#timeline = timeline;
    this.#tray = new Tray(this.#draft.files, () => largestFile(client), (kept) => { if (kept) { this.#keep({ files: this.#tray.files }); this.focus(); } this.#changed(); });
    this.#field = h('textarea.composer-field', {
      rows: '1', dir: 'auto', 'aria-label': t('composer.label'), placeholder: t('composer.placeholder'),
      enterkeyhint: onTouch() ? 'enter' : 'send', autocomplete: 'off',
      oninput: () => this.#typed(),
      onkeydown: (event) => this.#key(event),
      onpaste: (event) => this.#paste(event),
    });
    this.#link = new LinkPreview(client);
    this.#completion = new Completion(client, flow, this.#field);
    this.#picker = h('input.visually-hidden', { type: 'file', multiple: true, tabindex: '-1', 'aria-hidden': 'true', onchange: () => this.#picked(this.#picker) });
    this.#cameraPicker = h('input.visually-hidden', { type: 'file', accept: 'image/*', capture: 'environment', tabindex: '-1', 'aria-hidden': 'true', onchange: () => this.#picked(this.#cameraPicker) });
    this.#send = iconButton('send', t('composer.send'), () => this.send(), { class: 'send' });
    this.#voice = voiceButton((hold) => this.#record(hold));
    // The keyboard of a phone stays open while one taps "send".
    this.#send.addEventListener('pointerdown', (event) => event.preventDefault());
    this.element = h('div.composer', {}, this.#completion.element, formatBar(this.#field), this.#bar, this.#link.element, this.#tray.element,
      this.#row = h('div.composer-row', {},
        iconButton('clip', t('composer.attach'), () => this.#attach(), { class: 'attach' }),
        h('div.composer-box', {}, this.#field,
          iconButton('smile', t('composer.emoji'), (event) => this.#emoji(event.currentTarget), { class: 'emoji-button', 'aria-expanded': 'false' })),
        this.#send, this.#voice),
      this.#picker, this.#cameraPicker);
    this.#closers = [client.drafts.on('change', (id) => { if (id === flow.uuid && document.activeElement !== this.#field) this.#show(); }), client.on('state', () => this.#changed())];
    this.#show();
    this.#recall();
  }

  get #draft() { return this.#client.drafts.of(this.#flow.uuid); }

  #keep(change) { this.#client.drafts.set(this.#flow.uuid, change); }

  /** What is in the field: the edit while there is one, else the draft. */
  get #text() { return this.#draft.editing?.draft ?? this.#draft.text; }

  focus() { this.#field.focus({ preventScroll: true }); }

  close() {
    this.#closed = true;
    this.#closeEmoji?.();
    for (const close of this.#closers) close();
    this.#spoken?.leave();
  }

  addFiles(files) { this.#tray.add(files); }

  /** Brings the field and the bar above it to what the draft says. */
  #show() {
    if (this.#field.value !== this.#text) this.#field.value = this.#text;
    const { editing, reply } = this.#draft;
    const [sign, title, text] = editing ? ['pencil', t('composer.editing'), editing.text]
      : reply ? ['reply', quotedAuthor(reply, this.#client.store), quoteText(reply)] : [];
    this.#bar.hidden = !sign;
    if (sign) {
      replace(this.#bar, icon(sign),
        h('div.composer-bar-words', {}, h('strong', {}, h('bdi', {}, title)), h('span', { dir: 'auto' }, text)),
        iconButton('close', t('cancel'), () => this.#cancel()));
    }
    queueMicrotask(() => this.#changed());
  }

  #typed() {
    const { value } = this.#field;
    const { editing } = this.#draft;
    this.#keep(editing ? { editing: { ...editing, draft: value } } : { text: value });
    this.#changed();
    this.#completion.update();
    if (!editing) this.#link.update(value);
    if (value !== '' && !editing) this.#client.typing(this.#flow.uuid);
  }

  #changed() {
    const { editing } = this.#draft;
    this.#send.disabled = this.#field.value.trim() === '' && (editing ? !editing.empty : this.#tray.files.length === 0);
    // An empty field has a microphone in place of the arrow.
    this.#voice.hidden = !this.#client.features.has('files') || editing !== null || !this.#send.disabled || this.#tray.files.length > 0;
    this.#send.hidden = !this.#voice.hidden;
    this.#send.setAttribute('aria-label', t(editing ? 'save' : 'composer.send'));
    // Browsers that cannot size a field by its content are told.
    if (CSS.supports('field-sizing', 'content')) return;
    this.#field.style.height = 'auto';
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }

  #key(event) {
    // Enter that ends a word of an input method is none of ours; Safari says so by 229 alone.
    if (event.isComposing || event.keyCode === 229) return;
    if (this.#completion.key(event)) return;
    const mark = markOf(event);
    if (mark) { event.preventDefault(); toggleMark(this.#field, mark); return; }
    const { editing, reply } = this.#draft;
    if (event.key === 'Enter' && !event.shiftKey && (event.ctrlKey || event.metaKey || !onTouch())) {
      event.preventDefault();
      this.send();
    } else if (event.key === 'ArrowUp' && this.#field.value === '' && !editing) {
      const message = this.#timeline.lastOwn();
      if (message) { event.preventDefault(); this.edit(message); }
    } else if (event.key === 'Escape' && (editing || reply)) {
      event.preventDefault();
      event.stopPropagation();
      this.#cancel();
    }
  }

  /** Sends what is here, or saves the edit. */
  async send() {
    const text = this.#field.value.trim();
    const { editing, reply } = this.#draft;
    if (editing) { this.#saveEdit(editing, text); return; }
    if (this.#sending) return;
    if (this.#tray.busy) {
      // What was written goes along once the files are ready.
      this.#sending = true;
      toast(t('file.preparing'));
      await this.#tray.ready();
      this.#sending = false;
      return this.send();
    }
    const files = this.#tray.take();
    if (text === '' && files.length === 0) return;
    this.#field.value = '';
    this.#keep({ text: '', files: [], reply: null });
    this.#show();
    this.#queue(text, files, reply);
    await this.#timeline.sent();
  }

  #queue(text, files, reply) {
    const { outbox } = this.#client;
    const { uuid } = this.#flow;
    // The answer is the first of what is sent.
    let answer = { ...(reply ? { reply: { uuid: reply.uuid }, quote: reply } : {}), ...this.#link.take() };
    const add = (words, attached = []) => {
      const about = { ...answer, ...this.#aboutText(words) };
      answer = {};
      outbox.add(uuid, words, attached, Object.keys(about).length > 0 ? about : null);
    };
    let captions = split(text);
    if (this.#client.features.has('files')) {
      // Several files are one message, as many as a message may have.
      for (let at = 0; at < files.length; at += FILES_PER_MESSAGE) {
        add(captions[0] ?? '', files.slice(at, at + FILES_PER_MESSAGE).map(({ ready, name }) => fileOf(ready, name)));
        captions = captions.slice(1);
      }
      for (const part of captions) add(part);
      return;
    }
    for (const { ready, name } of files) {
      const file = fileOf(ready, undefined);
      // The text of a document is its name, so a caption goes in a message of its own, after.
      if (ready.kind === 'document') add(name, [{ ...file, name }]);
      else { add(captions[0] ?? '', [file]); captions = captions.slice(1); }
    }
    for (const part of captions) add(part);
  }

  /** What goes along with a text: that it has marks, and whom it calls. */
  #aboutText(text) {
    return { ...(hasMarks(text) ? { format: 1 } : {}), ...mentionsIn(text, this.#completion.people) };
  }

  edit(message) {
    const editing = { uuid: message.uuid, number: message.number, text: summary(message, t), before: message.text, draft: message.text, empty: message.files.length > 0 };
    this.#keep({ editing });
    this.#show();
    this.focus();
    this.#field.setSelectionRange(message.text.length, message.text.length);
  }

  /** The next message answers this one. */
  reply(message) {
    this.#keep({ reply: quoteOf(message), editing: null });
    this.#show();
    this.focus();
  }

  /** What a voice message needs of this place. */
  get #voicePlace() {
    return {
      client: this.#client,
      flow: `${this.#client.store.me} ${this.#flow.uuid}`,
      send: (file) => {
        const { reply } = this.#draft;
        this.#client.outbox.add(this.#flow.uuid, '', [file], reply ? { reply: { uuid: reply.uuid }, quote: reply } : null);
        this.#keep({ reply: null });
        this.#show();
        this.#timeline.sent();
      },
      end: () => {
        this.#recording = false;
        this.#spoken?.bar.remove();
        this.#spoken = null;
        this.#row.hidden = false;
      },
    };
  }

  async #recall() {
    // Left again, or speaking again: it waits on.
    const wanted = () => !this.#closed && !this.#recording;
    const spoken = await spokenBefore({ ...this.#voicePlace, wanted });
    if (!spoken) return;
    this.#recording = true;
    this.#showSpoken(spoken);
  }

  /** `hold`: the finger that is on the microphone. */
  async #record(hold) {
    if (this.#recording) { hold?.end(); return; }
    this.#recording = true;
    const spoken = await recordVoice({ ...this.#voicePlace, hold });
    if (!spoken || !this.#recording) return;
    this.#showSpoken(spoken);
    // The person was quicker than the microphone.
    if (!this.element.isConnected) spoken.leave();
  }

  #showSpoken(spoken) {
    this.#spoken = spoken;
    this.#row.hidden = true;
    this.#row.after(spoken.bar);
    spoken.bar.querySelector('.send')?.focus({ preventScroll: true });
  }

  #cancel() {
    this.#keep(this.#draft.editing ? { editing: null } : { reply: null });
    this.#show();
    this.focus();
  }

  #saveEdit(editing, text) {
    if (text === '' && !editing.empty) return;
    if (text !== editing.before) this.#client.outbox.edit(this.#flow.uuid, editing.uuid, text, { format: hasMarks(text) ? 1 : 0 });
    this.#cancel();
  }

  #attach() {
    menu(this.element.querySelector('.attach'), [
      onTouch() && { icon: 'camera', label: t('composer.camera'), act: () => this.#cameraPicker.click() },
      { icon: 'picture', label: t('composer.gallery'), act: () => { this.#picker.accept = 'image/*,video/*'; this.#picker.click(); } },
      { icon: 'file', label: t('composer.file'), act: () => { this.#picker.removeAttribute('accept'); this.#picker.click(); } },
      !this.#flow.saved && { icon: 'poll', label: t('poll.new'), act: () => askPoll((poll) => { this.#client.outbox.add(this.#flow.uuid, '', [], { poll }); this.#timeline.sent(); }) },
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

  #emoji(button) {
    if (this.#closeEmoji) { this.#closeEmoji(); this.focus(); return; }
    const panel = h('div.emoji-panel', { role: 'group', 'aria-label': t('composer.emoji') });
    for (const sign of EMOJI) panel.append(h('button', { type: 'button', onclick: () => this.#insert(sign) }, sign));
    panel.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); this.#emoji(button); } });
    this.element.append(panel);
    button.setAttribute('aria-expanded', 'true');
    // On a telephone it lies on top of the conversation: Back closes it.
    let closed = () => {};
    this.#closeEmoji = () => {
      this.#closeEmoji = null;
      panel.remove();
      button.setAttribute('aria-expanded', 'false');
      closed();
    };
    if (onTouch()) closed = router.overlay(() => this.#closeEmoji?.());
    else panel.firstElementChild.focus();
  }

  #insert(sign) {
    const { selectionStart, selectionEnd } = this.#field;
    this.#field.setRangeText(sign, selectionStart, selectionEnd, 'end');
    this.#typed();
  }
}

/** A file of the outgoing queue. */
function fileOf({ kind, mime, extension, blob, width, height, duration, thumbnail, blurhash }, name) {
  return { kind, type: mime, extension, blob, size: blob.size, width, height, duration, blurhash, ...(thumbnail ? { thumbnail } : {}), ...(name ? { name } : {}) };
}
