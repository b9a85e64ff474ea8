// Makes pictures as small as a chat needs before they travel; drawing also drops where they were taken.

import { pictureSize, sniff } from './sniff.js';

const LONGEST_SIDE = 1600;
const QUALITY = 0.82;
/** A picture that is small already is sent as it is. */
const SMALL_BYTES = 200 * 1024;

/** `{kind, mime, blob, extension, width, height}` for a file that a person chose. */
export async function prepare(file, { original = false } = {}) {
  const head = new Uint8Array(await file.slice(0, 256 * 1024).arrayBuffer());
  const type = sniff(head);
  const size = type.kind === 'picture' ? pictureSize(head, type.mime) : null;
  const same = { ...type, blob: file, width: size?.width ?? 0, height: size?.height ?? 0 };
  // A GIF may move: drawing it would stop it.
  if (type.kind !== 'picture' || original || type.mime === 'image/gif') return same;
  const longest = Math.max(same.width, same.height);
  if (file.size <= SMALL_BYTES && longest <= LONGEST_SIDE && type.mime !== 'image/avif') return same;
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
    const width = Math.max(1, Math.round(bitmap.width * scale));
    const height = Math.max(1, Math.round(bitmap.height * scale));
    const blob = await draw(bitmap, 0, 0, bitmap.width, bitmap.height, width, height);
    bitmap.close();
    if (blob.size >= file.size && scale === 1) return same;
    return { kind: 'picture', mime: 'image/jpeg', extension: 'jpg', blob, width, height };
  } catch {
    // This browser cannot decode it; the others' may.
    return same;
  }
}

/** Cuts the square `{x, y, side}` out of a bitmap, as a JPEG of `pixels` × `pixels`. */
export function cut(bitmap, { x, y, side }, pixels) {
  return draw(bitmap, x, y, side, side, pixels, pixels);
}

function draw(bitmap, x, y, w, h, width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  // JPEG has no transparency: without this, it would turn black.
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, x, y, w, h, 0, 0, width, height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/jpeg', QUALITY);
  });
}
