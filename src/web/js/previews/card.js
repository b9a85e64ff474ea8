// What a page says of itself, with a small picture, below a message that links to it, and above the field while one writes.
// The server asks the page; this one never does. The picture comes through the sender: the server gives it
// to whoever writes the link, whose browser makes it small and uploads it.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { debounce } from '../core/emitter.js';
import { t } from '../core/i18n.js';
import { whenNear } from '../files/near.js';
import { fromBase64 } from '../media/base64.js';
import { blobNow, blobOf, urlOf } from '../media/loader.js';
import { smallOf } from '../media/shrink.js';
import { isBroad } from '../media/sniff.js';
import { linkify } from '../text/linkify.js';

const PAUSE_MS = 700;
const WEB = /^https?:\/\//u;

/** A card that leads to the page; null for an address that is none of the web. */
export function previewCard({ url, title, text, site, thumbnail }) {
  if (!WEB.test(url)) return null;
  const broad = thumbnail && isBroad(thumbnail);
  return h('a.preview', { class: broad ? 'broad' : '', href: url, target: '_blank', rel: 'noopener noreferrer nofollow' },
    words({ url, title, text, site }), thumbnail && pictureOf(thumbnail));
}

function words({ url, title, text, site }) {
  const host = URL.canParse(url) ? new URL(url).host : '';
  return h('span.preview-words', {}, h('span.preview-site', { dir: 'auto' }, site ?? host), h('strong.preview-title', { dir: 'auto' }, title), text && h('span.preview-text', { dir: 'auto' }, text));
}

/** The picture of a page, in a place whose size does not depend on when it comes, or whether. */
function pictureOf(thumbnail) {
  const place = h('span.preview-picture', {});
  const here = blobNow(thumbnail);
  if (here) put(place, here); else whenNear(place, () => fetchInto(place, thumbnail));
  return place;
}

function fetchInto(place, thumbnail) {
  place.classList.add('loading');
  blobOf(thumbnail).then((blob) => put(place, blob), () => {
    putNothing(place);
    addEventListener('online', () => { if (place.isConnected) fetchInto(place, thumbnail); }, { once: true });
  });
}

function put(place, blob) {
  place.classList.remove('loading');
  const image = h('img', { alt: t('preview.picture'), src: urlOf(blob), decoding: 'async', draggable: 'false', onerror: () => putNothing(place) });
  replace(place, image);
}

function putNothing(place) {
  place.classList.remove('loading');
  replace(place, icon('link'));
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
    return found && { preview: { id: found.id }, card: { url: found.url, title: found.title, text: found.text, site: found.site, thumbnail: found.thumbnail } };
  }

  async #ask() {
    const url = this.#wanted;
    if (!url) return;
    const found = await this.#client.api.meta('preview', { url }).catch(() => null);
    if (!found?.title || url !== this.#wanted) return;
    const { picture, ...told } = found;
    this.#show(told);
    if (picture && this.#client.features.has('files')) this.#addPicture(told, picture);
  }

  /** Until it is small, or if it cannot be made so, the message goes without it. */
  async #addPicture(found, picture) {
    const place = h('span.preview-picture.loading', {});
    this.element.querySelector('.preview').append(place);
    const bytes = fromBase64(picture);
    found.thumbnail = bytes ? await smallOf(bytes).catch(() => undefined) : undefined;
    if (found.thumbnail) put(place, found.thumbnail.blob); else place.remove();
  }

  #show(found) {
    this.#found = found;
    this.element.hidden = !found;
    replace(this.element, found && [h('div.preview', {}, words(found)), iconButton('close', t('preview.without'), () => { this.#refused.add(found.url); this.#show(null); })]);
  }
}
