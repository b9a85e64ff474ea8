// A picture in full size.

import { h, icon, iconButton } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { urlOf } from '../media/attachments.js';
import { dialog } from './overlay.js';

export function showPicture(file, title) {
  const name = `picture.${file.extension}`;
  return dialog(t('file.picture'), (close) => {
    const image = h('img', { src: urlOf(file.blob), alt: t('file.picture'), onclick: () => image.classList.toggle('zoomed') });
    return h('div.lightbox-inner', { onclick: (event) => { if (event.target.classList.contains('lightbox-inner')) close(); } },
      h('div.lightbox-bar', {},
        h('span', { dir: 'auto' }, title),
        h('a.icon-button', { href: urlOf(file.blob), download: name, 'aria-label': t('file.download'), title: t('file.download') }, icon('download')),
        iconButton('close', t('close'), () => close(), { autofocus: true })),
      image);
  }, { className: 'lightbox' });
}

