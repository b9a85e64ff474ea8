// Pictures and films in full size, one after the other: by arrows, by a sliding finger.

import { h, iconButton, replace } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { nameToSave, save } from '../files/attachment.js';
import { blobNow, blobOf, sourceOf, urlOf } from '../media/loader.js';
import { dialog, toast } from './overlay.js';

const SWIPE_PX = 60;

/** `items`: `[{file, title}]`; `at` is the one that is shown first. */
export function showPictures(items, at) {
  return dialog(t('file.picture'), (close) => {
    let number = at;
    const stage = h('div.lightbox-stage', {});
    const title = h('span', { dir: 'auto' });
    const step = (by) => { if (items[number + by]) { number += by; show(); } };
    const [before, after] = [iconButton('back', t('lightbox.previous'), () => step(-1), { class: 'lightbox-previous' }), iconButton('back', t('lightbox.next'), () => step(1), { class: 'lightbox-next' })];

    function show() {
      const { file, title: words } = items[number];
      title.textContent = items.length > 1 ? `${words} · ${number + 1}/${items.length}` : words;
      before.hidden = number === 0;
      after.hidden = number === items.length - 1;
      if (file.kind === 'video') { film(file); return; }
      const image = h('img', { alt: t('file.picture'), onclick: () => image.classList.toggle('zoomed') });
      replace(stage, image);
      const small = file.thumbnail && blobNow({ id: file.thumbnail.id });
      if (small && !blobNow(file)) image.src = urlOf(small);
      blobOf(file).then((blob) => { image.src = urlOf(blob); }, () => replace(stage, h('p', {}, t('file.offline'))));
      // The next one is under way while one looks at this.
      const next = items[number + 1]?.file;
      if (next && next.kind !== 'video') blobOf(next).catch(() => {});
    }

    async function film(file) {
      const video = h('video', { controls: true, playsinline: true, autoplay: true, 'aria-label': t('file.video') });
      replace(stage, video);
      video.src = await sourceOf(file).catch(() => '');
    }

    const keys = (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by) { event.preventDefault(); step(by); }
    };
    let from = null;
    const node = h('div.lightbox-inner', {
      onclick: (event) => { if (event.target === stage) close(); },
      onkeydown: keys,
      onpointerdown: (event) => { from = event.pointerType === 'touch' ? event.clientX : null; },
      onpointerup: (event) => {
        if (from === null) return;
        const moved = event.clientX - from;
        from = null;
        if (Math.abs(moved) > SWIPE_PX && !stage.querySelector('.zoomed')) step(moved < 0 ? 1 : -1);
      },
    },
    h('div.lightbox-bar', {}, title,
      iconButton('download', t('file.download'), () => save(items[number].file, nameToSave(items[number].file)).catch(() => toast(t('file.offline')))),
      iconButton('close', t('close'), () => close(), { autofocus: true })),
    stage, before, after);
    show();
    return node;
  }, { className: 'lightbox' });
}
