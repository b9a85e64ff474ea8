// A picture in full size.

import { h, icon, iconButton } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { blobOf, urlOf } from '../media/loader.js';
import { dialog } from './overlay.js';

export async function showPicture(file, title) {
  const blob = await blobOf(file).catch(() => null);
  if (!blob) return null;
  const name = `picture.${file.extension}`;
  return dialog(t('file.picture'), (close) => {
    const image = h('img', { src: urlOf(blob), alt: t('file.picture'), onclick: () => image.classList.toggle('zoomed') });
    return h('div.lightbox-inner', { onclick: (event) => { if (event.target.classList.contains('lightbox-inner')) close(); } },
      h('div.lightbox-bar', {},
        h('span', { dir: 'auto' }, title),
        h('a.icon-button', { href: urlOf(blob), download: name, 'aria-label': t('file.download'), title: t('file.download') }, icon('download')),
        iconButton('close', t('close'), () => close(), { autofocus: true })),
      image);
  }, { className: 'lightbox' });
}

