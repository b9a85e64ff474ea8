// What a page says of itself, below a message that links to it, and above the field while one writes.
// The server asks the page; this one never does.

import { h, iconButton, replace } from '../core/dom.js';
import { debounce } from '../core/emitter.js';
import { t } from '../core/i18n.js';
import { linkify } from '../text/linkify.js';

const PAUSE_MS = 700;
const WEB = /^https?:\/\//u;

/** A card that leads to the page; null for an address that is none of the web. */
export function previewCard({ url, title, text, site }) {
  if (!WEB.test(url)) return null;
  return h('a.preview', { href: url, target: '_blank', rel: 'noopener noreferrer nofollow' }, words({ url, title, text, site }));
}

function words({ url, title, text, site }) {
  const host = URL.canParse(url) ? new URL(url).host : '';
  return [h('span.preview-site', { dir: 'auto' }, site ?? host), h('strong.preview-title', { dir: 'auto' }, title), text && h('span.preview-text', { dir: 'auto' }, text)];
}

/** The preview of what is being written. */
export class LinkPreview {
  element = h('div.preview-bar', { hidden: true });
  #client;
  #found = null;
  #wanted = null;
  #refused = new Set();
  #look = debounce(() => this.#ask(), PAUSE_MS);

  constructor(client) {
    this.#client = client;
  }

  /** The text is another; empty once it is sent. */
  update(text) {
    if (!this.#client.store.account?.can?.includes('preview')) return;
    const link = linkify(text).find((piece) => piece.href && WEB.test(piece.href))?.href ?? null;
    if (link === this.#wanted) return;
    this.#wanted = link;
    if (link !== this.#found?.url) this.#show(null);
    if (link && !this.#refused.has(link)) this.#look();
  }

  /** What goes with the message, for the server and for one's own page; null for nothing. */
  take() {
    const found = this.#found;
    this.#wanted = null;
    this.#show(null);
    return found && { preview: { id: found.id }, card: { url: found.url, title: found.title, text: found.text, site: found.site } };
  }

  async #ask() {
    const url = this.#wanted;
    if (!url) return;
    const found = await this.#client.api.meta('preview', { url }).catch(() => null);
    if (found?.title && url === this.#wanted) this.#show(found);
  }

  #show(found) {
    this.#found = found;
    this.element.hidden = !found;
    replace(this.element, found && [h('div.preview', {}, words(found)), iconButton('close', t('preview.without'), () => { this.#refused.add(found.url); this.#show(null); })]);
  }
}
