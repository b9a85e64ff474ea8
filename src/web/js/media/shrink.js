// Makes pictures as small as a chat needs before they travel, and takes out of everything where it was
// made. Makes the small pictures that stand for large files.

import { encode } from './blurhash.js';
import { isAnimated, isDecodable, pictureSize, sniff } from './sniff.js';
import { strip, stripFilm } from './strip.js';

const LONGEST_SIDE = 1600;
/** Of a picture that is long and narrow, as pages are that were photographed from a screen, the other
 * side: its words stay readable. */
const NARROW_SIDE = 1080;
const NARROW = 3;
/** A canvas has no more in one direction. */
const LONGEST_CANVAS = 16_000;
const QUALITY = 0.82;
/** A picture that is small already is sent as it is. */
const SMALL_BYTES = 200 * 1024;
/** What stands for a picture or a film until it is there. */
const THUMBNAIL_SIDE = 480;
const THUMBNAIL_QUALITY = 0.75;
const THUMBNAIL_BYTES = 64 * 1024;
const FRAME_PATIENCE_MS = 8_000;
/** A blurhash is of so few waves that a larger picture tells it nothing more. */
const BLUR_SIDE = 32;

/** `{kind, mime, blob, extension, width, height, duration, thumbnail}` for a file that a person chose. */
export async function prepare(file, { original = false, asFile = false } = {}) {
  const head = new Uint8Array(await file.slice(0, 256 * 1024).arrayBuffer());
  const type = sniff(head);
  // "As a file" means as it is.
  if (asFile) return { ...type, kind: 'document', blob: file, width: 0, height: 0 };
  // What moves would stop if it was drawn.
  if (type.kind === 'picture') return preparePicture(file, type, pictureSize(head, type.mime), original || isAnimated(head, type.mime));
  if (type.kind === 'video') return prepareFilm(file, type);
  if (type.kind === 'audio') return { ...type, blob: file, width: 0, height: 0, duration: await lengthOf(file, 'audio') };
  return { ...type, blob: file, width: 0, height: 0 };
}

async function preparePicture(file, type, size, original) {
  const same = async () => ({ ...type, blob: await stripped(file, type.mime), width: size?.width ?? 0, height: size?.height ?? 0 });
  const longest = Math.max(size?.width ?? 0, size?.height ?? 0);
  const keep = original || (file.size <= SMALL_BYTES && longest <= LONGEST_SIDE && type.mime !== 'image/avif');
  try {
    const bitmap = await createImageBitmap(file);
    const small = await thumbnail(bitmap, bitmap.width, bitmap.height);
    const blurhash = blurOf(bitmap, bitmap.width, bitmap.height);
    if (keep) { bitmap.close(); return { ...(await same()), thumbnail: small, blurhash }; }
    const scale = scaleOf(bitmap.width, bitmap.height);
    const width = Math.max(1, Math.round(bitmap.width * scale));
    const height = Math.max(1, Math.round(bitmap.height * scale));
    const blob = await draw(bitmap, 0, 0, bitmap.width, bitmap.height, width, height);
    bitmap.close();
    if (blob.size >= file.size && scale === 1) return { ...(await same()), thumbnail: small, blurhash };
    return { kind: 'picture', mime: 'image/jpeg', extension: 'jpg', blob, width, height, thumbnail: small, blurhash };
  } catch {
    // This browser cannot decode it; the others' may.
    return same();
  }
}

/** How much smaller a picture becomes. */
export function scaleOf(width, height) {
  const [shorter, longer] = [Math.min(width, height), Math.max(width, height)];
  if (longer / shorter < NARROW) return Math.min(1, LONGEST_SIDE / longer);
  return Math.min(1, NARROW_SIDE / shorter, LONGEST_CANVAS / longer);
}

async function stripped(file, mime) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const clean = strip(bytes, mime);
  return clean === bytes ? file : new Blob([clean], { type: mime });
}

async function prepareFilm(file, type) {
  const blob = type.mime === 'video/mp4' ? await stripFilm(file).catch(() => file) : file;
  const told = await frameOf(file).catch(() => ({}));
  return { ...type, blob, width: told.width ?? 0, height: told.height ?? 0, duration: told.duration, thumbnail: told.thumbnail, blurhash: told.blurhash };
}

/** What a film shows at its beginning, how large, how long; nothing where the browser cannot play it. */
function frameOf(file) {
  return watching(file, 'video', (node, done) => {
    node.addEventListener('loadeddata', () => { node.currentTime = Math.min(0.1, node.duration || 0); });
    node.addEventListener('seeked', async () => {
      const { videoWidth: width, videoHeight: height, duration } = node;
      const small = width > 0 ? await thumbnail(node, width, height).catch(() => undefined) : undefined;
      done({ width, height, duration: Number.isFinite(duration) ? Math.round(duration * 1000) : undefined, thumbnail: small, blurhash: small && blurOf(node, width, height) });
    });
  });
}

async function lengthOf(file, tag) {
  const found = await watching(file, tag, (node, done) => node.addEventListener('loadedmetadata', () => done(node.duration))).catch(() => undefined);
  return Number.isFinite(found) ? Math.round(found * 1000) : undefined;
}

function watching(file, tag, work) {
  const node = document.createElement(tag);
  const url = URL.createObjectURL(file);
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('too slow')), FRAME_PATIENCE_MS);
    node.addEventListener('error', () => reject(new Error('not playable')));
    work(node, resolve);
    node.muted = true;
    node.preload = 'auto';
    node.src = url;
  }).finally(() => { node.removeAttribute('src'); node.load(); URL.revokeObjectURL(url); });
}

/** `{blob, width, height}` of at most 64 KiB; undefined for what is as small itself. */
async function thumbnail(source, width, height) {
  const scale = Math.min(1, THUMBNAIL_SIDE / Math.max(width, height));
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  for (const quality of [THUMBNAIL_QUALITY, 0.5, 0.3]) {
    const blob = await draw(source, 0, 0, width, height, w, h, quality);
    if (blob.size <= THUMBNAIL_BYTES) return { blob, width: w, height: h };
  }
  return undefined;
}

/** What stands for a picture that a stranger has made, `{blob, type, width, height}`; undefined where there is nothing to show. */
export async function smallOf(bytes) {
  if (!isDecodable(bytes)) return undefined;
  const bitmap = await createImageBitmap(new Blob([bytes], { type: sniff(bytes).mime }));
  try {
    const small = await thumbnail(bitmap, bitmap.width, bitmap.height);
    return small && { ...small, type: small.blob.type };
  } finally {
    bitmap.close();
  }
}

/** The colours of a picture or a film's frame, to be shown until it is there. */
function blurOf(source, width, height) {
  const scale = BLUR_SIDE / Math.max(width, height);
  const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = surface(w, h);
  context.drawImage(source, 0, 0, width, height, 0, 0, w, h);
  return encode(context.getImageData(0, 0, w, h).data, w, h);
}

/** Cuts the square `{x, y, side}` out of a bitmap, as a JPEG of `pixels` × `pixels`. */
export function cut(bitmap, { x, y, side }, pixels) {
  return draw(bitmap, x, y, side, side, pixels, pixels);
}

function draw(source, x, y, w, h, width, height, quality = QUALITY) {
  const context = surface(width, height);
  context.drawImage(source, x, y, w, h, 0, 0, width, height);
  return new Promise((resolve, reject) => {
    context.canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/jpeg', quality);
  });
}

/** What one draws on; white, since JPEG has no transparency and would turn black. */
function surface(width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = 'high';
  return context;
}
