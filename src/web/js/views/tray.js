// The files that go along with what is written: made smaller, shown, taken out again. They are part
// of the draft, so that looking at another conversation loses none of them.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { locale, t } from '../core/i18n.js';
import { urlOf } from '../media/loader.js';
import { prepare } from '../media/shrink.js';
import { size } from '../text/times.js';
import { toast } from './overlay.js';

export class Tray {
  element = h('div.tray', {});
  /** `{source, name, original, ready, preparing}` in the order in which they were chosen. */
  files = [];
  #changed;
  #largest;

  /** `largest()` gives the size of a file that the server takes, in bytes; null where nobody can say. `changed(kept)` is called at every change; `kept`: the choice itself is another. */
  constructor(files, largest, changed) {
    this.#changed = changed;
    this.#largest = largest;
    this.files = files.map((file) => ({ ready: null, preparing: false, ...file }));
    for (const entry of this.files) if (!entry.ready) this.#prepare(entry);
    this.#draw();
  }

  get busy() { return this.files.some((file) => file.preparing); }

  /** Resolves when everything that was chosen can be sent. */
  async ready() {
    while (this.busy) await Promise.all(this.files.map((file) => file.work));
  }

  /** Puts files beside the text; pictures are made smaller unless the person wants them as they are. */
  add(files) {
    for (const file of files) {
      const entry = { source: file, name: file.name || 'file', original: false, ready: null, preparing: true };
      this.files.push(entry);
      this.#prepare(entry);
    }
    this.#draw();
    this.#changed(true);
  }

  /** Gives the files and is empty. */
  take() {
    const { files } = this;
    this.files = [];
    this.#draw();
    return files;
  }

  #prepare(entry) {
    entry.work = this.#work(entry);
  }

  async #work(entry) {
    entry.preparing = true;
    entry.ready = await prepare(entry.source, { original: entry.original, asFile: entry.asFile }).catch(() => null);
    entry.preparing = false;
    const largest = await this.#largest().catch(() => null);
    // Without the network nobody says how large it may be: the server will, when it goes.
    if (!entry.ready || (largest !== null && entry.ready.blob.size > largest)) {
      toast(t('file.too.large', { name: entry.name, limit: size(largest ?? entry.source.size, locale()) }));
      this.files = this.files.filter((one) => one !== entry);
      this.#changed(true);
    }
    this.#draw();
    this.#changed(false);
  }

  #draw() {
    this.element.hidden = this.files.length === 0;
    const pictures = this.files.filter((entry) => entry.source.type.startsWith('image/'));
    replace(this.element,
      h('div.tray-files', {}, this.files.map((entry) => this.#item(entry))),
      pictures.length > 0 && h('label.check', {},
        h('input', { type: 'checkbox', checked: pictures.every((entry) => entry.original), onchange: (event) => {
          for (const entry of pictures) { entry.original = event.target.checked; this.#prepare(entry); }
          this.#changed(true);
        } }), t('file.original')),
      pictures.length > 0 && h('label.check', {},
        h('input', { type: 'checkbox', checked: pictures.every((entry) => entry.asFile), onchange: (event) => {
          for (const entry of pictures) { entry.asFile = event.target.checked; this.#prepare(entry); }
          this.#changed(true);
        } }), t('file.asfile')));
  }

  #item(entry) {
    const picture = entry.ready?.kind === 'picture';
    return h('div.tray-item', { class: picture ? 'picture' : '' },
      picture ? h('img', { src: urlOf(entry.ready.blob), alt: entry.name }) : h('span.tray-file', {}, icon('file'), h('span', { dir: 'auto' }, entry.name)),
      h('span.tray-size', {}, size((entry.ready?.blob ?? entry.source).size, locale())),
      iconButton('close', t('remove', { name: entry.name }), () => {
        this.files = this.files.filter((one) => one !== entry);
        this.#draw();
        this.#changed(true);
      }));
  }
}
