// Round pictures of people and flows: the chosen one, or initials on a colour that stays theirs.

import { h, icon } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { nameOf } from '../data/message.js';
import { blobNow, blobOf, urlOf } from '../media/loader.js';
import { hue, initials } from '../text/people.js';

export function disc(id, name, picture, size) {
  const node = h('span.avatar', { class: `hue-${hue(id)} size-${size}`, 'aria-hidden': 'true' });
  // Drawn by the style sheet: letters in the page would be read and searched as text.
  const letters = h('span.initials', { 'data-text': initials(name) });
  node.append(letters);
  if (!picture) return node;
  const show = (blob) => {
    const image = h('img', { alt: '', src: urlOf(blob), draggable: 'false' });
    // A broken file falls back to what everyone has.
    image.addEventListener('error', () => image.replaceWith(letters));
    letters.replaceWith(image);
  };
  const here = blobNow(picture);
  if (here) show(here); else blobOf(picture).then(show, () => {});
  return node;
}

export function userAvatar(user, size = 'm') {
  return disc(user?.uuid ?? '?', nameOf(user, t), user?.avatar, size);
}

export function flowAvatar(store, flow, size = 'm') {
  const partner = store.partner(flow);
  if (flow.saved) return h('span.avatar.saved', { class: `size-${size}`, 'aria-hidden': 'true' }, icon('bookmark'));
  if (!partner) return disc(flow.uuid, flowTitle(store, flow), flow.picture, size);
  const node = userAvatar(store.users.get(partner) ?? { uuid: partner }, size);
  if (store.online.has(partner)) node.append(h('span.online-dot'));
  return node;
}

/** What a flow is called for this person: a chat by the other's name. */
export function flowTitle(store, flow) {
  if (flow.saved) return t('saved.title');
  const partner = store.partner(flow);
  if (partner) return nameOf(store.users.get(partner), t);
  if (flow.title?.trim()) return flow.title;
  const others = flow.users.filter((id) => id !== store.me).slice(0, 3).map((id) => nameOf(store.users.get(id), t));
  return others.join(', ') || t(`flow.${flow.type}`);
}

export function flowIcon(flow) {
  if (flow.type === 'chat' || flow.saved) return null;
  return icon(flow.type === 'channel' ? 'channel' : 'people');
}
