// Round pictures of people and flows: the chosen one, or initials on a colour that stays theirs.

import { h, icon } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { nameOf } from '../data/message.js';
import { fromBase64 } from '../media/base64.js';
import { sniff } from '../media/sniff.js';
import { hue, initials } from '../text/people.js';

const pictures = new Map();

/** The object URL of a base64 avatar; null when it is no picture that a browser shows. */
function pictureUrl(text) {
  if (!text) return null;
  if (!pictures.has(text)) {
    const bytes = fromBase64(text);
    const type = bytes ? sniff(bytes) : null;
    pictures.set(text, type?.kind === 'picture' ? URL.createObjectURL(new Blob([bytes], { type: type.mime })) : null);
  }
  return pictures.get(text);
}

function disc(id, name, picture, size) {
  const url = pictureUrl(picture);
  const node = h('span.avatar', { class: `hue-${hue(id)} size-${size}`, 'aria-hidden': 'true' });
  // Drawn by the style sheet: letters in the page would be read and searched as text.
  const letters = () => h('span.initials', { 'data-text': initials(name) });
  if (!url) { node.append(letters()); return node; }
  const image = h('img', { alt: '', src: url, draggable: 'false' });
  // A broken file falls back to what everyone has.
  image.addEventListener('error', () => image.replaceWith(letters()));
  node.append(image);
  return node;
}

export function userAvatar(user, size = 'm') {
  return disc(user?.uuid ?? '?', nameOf(user, t), user?.avatar, size);
}

export function flowAvatar(store, flow, size = 'm') {
  const partner = store.partner(flow);
  if (!partner) return disc(flow.uuid, flowTitle(store, flow), null, size);
  const node = userAvatar(store.users.get(partner) ?? { uuid: partner }, size);
  if (store.online.has(partner)) node.append(h('span.online-dot'));
  return node;
}

/** What a flow is called for this person: a chat by the other's name. */
export function flowTitle(store, flow) {
  const partner = store.partner(flow);
  if (partner) return nameOf(store.users.get(partner), t);
  if (flow.title?.trim()) return flow.title;
  const others = flow.users.filter((id) => id !== store.me).slice(0, 3).map((id) => nameOf(store.users.get(id), t));
  return others.join(', ') || t(`flow.${flow.type}`);
}

export function flowIcon(flow) {
  if (flow.type === 'chat') return null;
  return icon(flow.type === 'channel' ? 'channel' : 'people');
}
