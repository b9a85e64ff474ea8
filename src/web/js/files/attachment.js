// The files of a message in its bubble: pictures, films, sounds, documents. Their content comes when
// it is wanted; the place that it takes is known before.

import { h, icon, replace } from '../core/dom.js';
import { locale, t } from '../core/i18n.js';
import { decode } from '../media/blurhash.js';
import { blobNow, blobOf, sourceOf, urlOf } from '../media/loader.js';
import { clock, size } from '../text/times.js';
import { whenNear } from './near.js';
import { voicePlayer } from './player.js';

/** The largest a picture is shown in a conversation, in CSS pixels. */
const PICTURE_WIDTH = 400;
const PICTURE_HEIGHT = 420;
/** What a blurhash is drawn in, to be stretched. */
const BLUR_SIDE = 32;
/** `name`: what a document is called, if that is known; `at`: its place among the message's files. */
export function attachment(file, name, at) {
  if (file.kind === 'sticker' && file.text) return h('div.sticker', {}, file.text);
  if (file.kind === 'picture' || file.kind === 'sticker') return picture(file, at);
  if (file.kind === 'video') return playable(file, 'video');
  if (file.kind === 'voice') return voicePlayer(file);
  if (file.kind === 'audio') return playable(file, 'audio');
  return documentRow(file, name, at);
}

/** The files of a message: several pictures and films stand together, the rest below each other. */
export function attachments(files, nameOfDocument) {
  const seen = files.map((file, at) => ({ file, at }));
  const album = seen.filter(({ file }) => file.kind === 'picture' || file.kind === 'video');
  const one = ({ file, at }) => attachment(file, file.kind === 'document' ? file.name ?? nameOfDocument : null, at);
  if (album.length < 2) return seen.map(one);
  const rest = seen.filter((entry) => !album.includes(entry));
  return [h('div.album', { class: `album-${Math.min(album.length, 4)}` }, album.map(one)), ...rest.map(one)];
}

/** A name to save a file under. */
export function nameToSave(file, fallback = null) {
  return file.name ?? fallback ?? `${t(`file.${file.kind}`)}.${file.extension}`;
}

/** Fetches a file and lets the browser save it. */
export async function save(file, name) {
  const blob = await blobOf(file);
  const link = h('a', { href: urlOf(blob), download: name, rel: 'noreferrer' });
  document.body.append(link);
  link.click();
  link.remove();
}

function picture(file, at) {
  const image = h('img', { alt: t('file.picture'), decoding: 'async', draggable: 'false' });
  const button = h('button.picture', { type: 'button', 'data-act': 'picture', 'data-at': at, 'aria-label': t('file.open') }, image);
  // Known before it is decoded: what stands below it does not move later.
  if (file.width > 0 && file.height > 0) {
    const scale = Math.min(1, PICTURE_WIDTH / file.width, PICTURE_HEIGHT / file.height);
    image.width = Math.max(1, Math.round(file.width * scale));
    image.height = Math.max(1, Math.round(file.height * scale));
    button.style.width = `${Math.max(120, image.width)}px`;
    image.style.aspectRatio = `${file.width} / ${file.height}`;
  } else {
    button.classList.add('unmeasured');
  }
  show(file, image, button);
  return button;
}

/** Puts the content of `file` into `image` when it is here; without it the place says so. */
function show(file, image, button) {
  const here = blobNow(file);
  if (here) { image.src = urlOf(here); return; }
  button.classList.add('loading');
  const blur = blurred(file);
  if (blur) { button.prepend(blur); image.addEventListener('load', () => blur.remove(), { once: true }); }
  whenNear(button, () => fetchInto(file, image, button, blur));
}

function fetchInto(file, image, button, blur) {
  const small = file.thumbnail?.id ? thumbnailOf(file) : null;
  if (small) blobOf(small).then((blob) => { if (!image.src) image.src = urlOf(blob); }, () => {});
  blobOf(file).then((blob) => {
    image.src = urlOf(blob);
    button.classList.remove('loading');
  }, () => {
    button.classList.remove('loading');
    if (image.src) return;
    blur?.remove();
    button.classList.add('absent');
    replace(button, icon('picture'), h('span', {}, t('file.offline')));
    addEventListener('online', () => { replace(button, image); button.classList.remove('absent'); show(file, image, button); }, { once: true });
  });
}

/** The colours of a picture, known before a byte of it is here; null where they are not told. */
function blurred(file) {
  const pixels = file.blurhash ? decode(file.blurhash, BLUR_SIDE, BLUR_SIDE) : null;
  if (!pixels) return null;
  const canvas = h('canvas.blur', { width: BLUR_SIDE, height: BLUR_SIDE, 'aria-hidden': 'true' });
  canvas.getContext('2d').putImageData(new ImageData(pixels, BLUR_SIDE, BLUR_SIDE), 0, 0);
  return canvas;
}

/** A film or a sound: asked for when somebody wants to see or hear it, and then played in pieces. */
function playable(file, tag) {
  const make = (source, play) => {
    const node = h(tag, { controls: true, preload: 'metadata', playsinline: tag === 'video', src: source, 'aria-label': t(`file.${file.kind}`) });
    if (file.width > 0 && file.height > 0) node.style.aspectRatio = `${file.width} / ${file.height}`;
    if (play) node.play()?.catch(() => {});
    return node;
  };
  const here = blobNow(file);
  if (here) return make(urlOf(here), false);
  const details = [file.duration ? clock(file.duration / 1000) : '', size(file.size, locale())].filter(Boolean).join(' · ');
  const button = h(`button.play.play-${tag}`, {
    type: 'button', 'aria-label': `${t(`file.${file.kind}`)}, ${details}`,
    onclick: async (event) => {
      event.stopPropagation();
      button.classList.add('loading');
      try {
        button.replaceWith(make(await sourceOf(file), true));
      } catch {
        button.classList.remove('loading');
        replace(button.lastElementChild, t('file.offline'));
      }
    },
  }, h('span.file-badge', {}, icon('play')), h('span.play-words', {}, details));
  if (tag === 'video') {
    if (file.width > 0 && file.height > 0) button.style.aspectRatio = `${file.width} / ${file.height}`;
    const blur = blurred(file);
    if (blur) button.prepend(blur);
    if (file.thumbnail?.id) blobOf(thumbnailOf(file)).then((blob) => { blur?.remove(); button.prepend(h('img.play-poster', { alt: '', src: urlOf(blob) })); }, () => {});
  }
  return button;
}

/** The small picture of a file, as a file of its own. */
function thumbnailOf(file) {
  return { ...file.thumbnail, kind: 'picture', type: file.thumbnail.type ?? 'image/jpeg' };
}

function documentRow(file, name, at) {
  const shown = name ?? nameToSave(file);
  // The link carries the name; what it leads to is fetched by a tap.
  const here = blobNow(file);
  return h('a.file', { href: here ? urlOf(here) : '#', download: shown, 'data-act': 'save', 'data-at': at },
    h('span.file-badge', {}, icon('file')),
    h('span.file-words', {},
      h('span.file-name', { dir: 'auto' }, shown),
      h('span.file-size', {}, size(file.size, locale()))));
}
