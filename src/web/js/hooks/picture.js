// The picture of a hook: chosen, cut, taken away.

import { h, icon } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { pictureWish } from '../files/upload.js';
import { programAvatar } from './avatar.js';
import { toast } from '../views/overlay.js';

/** `wish()`: what a request says of the picture; undefined where it stays as it is. */
export function pictureField(client, { name = '', picture = null } = {}) {
  // Undefined: it stays; null: it is taken away.
  let chosen;
  const face = h('span.hook-face', {}, programAvatar({ name, picture }, 'xl'));
  const show = (one) => face.replaceChildren(programAvatar({ name, picture: one }, 'xl'));
  const input = h('input.visually-hidden', { type: 'file', accept: 'image/*', tabindex: '-1', 'aria-hidden': 'true', onchange: async () => {
    const [file] = input.files;
    input.value = '';
    if (!file) return;
    const { cropPicture } = await import('../views/crop.js');
    const blob = await cropPicture(file).catch(() => { toast(t('avatar.unreadable')); return null; });
    if (blob) { chosen = blob; show({ blob }); }
  } });
  const node = h('div.hero', {}, face, input,
    h('div.actions.centred', {},
      h('button.button.quiet', { type: 'button', onclick: () => input.click() }, icon('camera'), t('avatar.choose')),
      picture && h('button.button.quiet.hook-faceless', { type: 'button', onclick: () => { chosen = null; show(null); } }, t('avatar.remove'))));
  const wish = async () => (chosen === undefined ? undefined : chosen && pictureWish(client, chosen));
  return { node, wish };
}
