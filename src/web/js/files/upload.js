// Brings files to the server in pieces, so that a network which drops costs one piece and not the
// file. Source: tus 1.0.0, with creation, expiration and termination.

import { session } from '../core/session.js';
import { toBase64 } from '../media/base64.js';

const PIECE_BYTES = 4 * 1024 * 1024;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;
/** An answer that says nothing for so long is lost, even if the browser does not notice. */
const SILENCE_MS = 60_000;
/** How long a message waits for the picture of its preview. */
const PICTURE_PATIENCE_MS = 3_000;

/** The server will not take this file: too large (413), or what it was is gone. */
export class UploadRefused extends Error {
  constructor(status, detail) {
    super(detail || `upload: ${status}`);
    this.name = 'UploadRefused';
    this.status = status;
    // Told as what is refused elsewhere.
    this.refusal = status === 413 ? { key: 'too_large', values: {} } : null;
    this.detail = detail;
  }
}

/**
 * Uploads `blob`; gives the upload's id. `at` is the address of one that was begun before, `begun(at)`
 * is told of a new one, `progress(sent)` of bytes that have left; `signal` ends it. Not `patient`: what the
 * server answers is final, unless it is that too many uploads run.
 */
export async function upload(blob, { name = '', type = '', at = null, begun = () => {}, progress = () => {}, signal, patient = true }) {
  let address = at;
  let offset = null;
  for (let failures = 0; ;) {
    signal?.throwIfAborted();
    try {
      if (!address) {
        address = await create(blob, name, type, signal);
        begun(address);
        offset = 0;
      }
      offset ??= await offsetOf(address, signal);
      while (offset < blob.size) {
        const from = offset;
        offset = await patch(address, blob.slice(from, from + PIECE_BYTES), from, (sent) => progress(from + sent), signal);
        progress(offset);
        failures = 0;
      }
      return address.split('/').at(-1);
    } catch (error) {
      // Broken off from here: whatever it looked like.
      signal?.throwIfAborted();
      if ((!patient && error.status && error.status !== 429) || (error instanceof UploadRefused && ![404, 409, 423].includes(error.status))) throw error;
      // What was begun has expired: from the beginning. Anything else: ask how far it came, and go on.
      if (error instanceof UploadRefused && error.status === 404) address = null;
      offset = null;
      failures += 1;
      await pause(Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1)), signal);
    }
  }
}

/** Uploads what is not on the server yet of the files of a queued message; `tell` as in `Uploads`. */
export async function uploadFiles(item, signal, tell) {
  const total = item.files.reduce((sum, file) => sum + file.blob.size, 0);
  let before = 0;
  for (const file of item.files) {
    const from = before;
    const one = async (part, progress) => {
      part.upload ??= await upload(part.blob, {
        name: file.name, type: part.type ?? 'image/jpeg', at: part.at ?? null, signal, progress,
        begun: (at) => { part.at = at; tell.save(item); },
      });
    };
    if (file.thumbnail) await one(file.thumbnail, () => {});
    await one(file, (sent) => { item.progress = total > 0 ? (from + sent) / total : 1; tell.progress(item); });
    before += file.blob.size;
  }
}

/** Uploads the picture of a preview, if there is one: in seconds, or not at all. */
export async function uploadPicture(picture, signal) {
  if (!picture) return;
  const ends = AbortSignal.any([signal, AbortSignal.timeout(PICTURE_PATIENCE_MS)]);
  picture.upload ??= await upload(picture.blob, { type: picture.type, signal: ends, patient: false });
}

/** What the server is told of the files of a queued message that it has, and of its preview's picture. */
export function uploadsOf({ files, about }) {
  const picture = about?.card?.thumbnail;
  return {
    ...(files.length > 0 ? { files: files.map(fileWish) } : {}),
    ...(picture ? { preview: { ...about.preview, ...thumbnailWish(picture) } } : {}),
  };
}

function fileWish({ upload, kind, name, width, height, duration, waveform, blurhash, thumbnail }) {
  return { upload, kind, name, width: width || undefined, height: height || undefined, duration, waveform, blurhash, ...thumbnailWish(thumbnail) };
}

function thumbnailWish(thumbnail) {
  const { upload, width, height } = thumbnail ?? {};
  return upload ? { thumbnail: { upload, width, height } } : {};
}

/** What a picture of a flow is given as: uploaded where the server takes files by themselves. */
export async function pictureWish(client, blob) {
  if (!client.features.has('files')) return { content: await toBase64(blob) };
  return { upload: await upload(blob, { type: blob.type }) };
}

let largest;

/** The largest file that the server takes, in bytes; null where it takes none by themselves, or does not say. */
export async function largestFile(client) {
  if (!client.features.has('files')) return null;
  largest ??= askLargest();
  return largest;
}

async function askLargest() {
  const answer = await fetch('/files', { method: 'OPTIONS' }).catch(() => null);
  const size = Number(answer?.headers.get('Tus-Max-Size'));
  return size > 0 ? size : null;
}

/** Takes back what was begun and is not wanted any more. */
export function cancelUpload(at) {
  fetch(at, { method: 'DELETE', headers: headers() }).catch(() => {});
}

function headers(more = {}) {
  return { Authorization: `Bearer ${session.current?.auth_id ?? ''}`, 'Tus-Resumable': '1.0.0', ...more };
}

async function create(blob, name, type, signal) {
  const metadata = [['filename', name], ['filetype', type]].filter(([, value]) => value).map(([key, value]) => `${key} ${base64(value)}`).join(',');
  const answer = await fetch('/files', { method: 'POST', signal, headers: headers({ 'Upload-Length': String(blob.size), ...(metadata ? { 'Upload-Metadata': metadata } : {}) }) });
  if (answer.status !== 201) await refuse(answer);
  return new URL(answer.headers.get('Location'), location.origin).pathname;
}

async function offsetOf(address, signal) {
  const answer = await fetch(address, { method: 'HEAD', signal, cache: 'no-store', headers: headers() });
  if (!answer.ok) await refuse(answer);
  return Number(answer.headers.get('Upload-Offset'));
}

async function refuse(answer) {
  const text = await answer.text().catch(() => '');
  // The server is overloaded or stopping: later.
  if (answer.status >= 500 || answer.status === 429) throw later(answer.status);
  throw new UploadRefused(answer.status, detailOf(text));
}

/** The sentence in the server's answer. */
function detailOf(text) {
  try { return JSON.parse(text).error.detail; } catch { return text.slice(0, 200); }
}

function later(status) {
  return Object.assign(new Error(`upload: ${status}`), { status });
}

/** One piece. Of all ways to send, only this tells how much has left. */
function patch(address, piece, offset, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let silence = null;
    const alive = () => { clearTimeout(silence); silence = setTimeout(() => request.abort(), SILENCE_MS); };
    const end = (settle, value) => { clearTimeout(silence); signal?.removeEventListener('abort', abort); settle(value); };
    const abort = () => { request.abort(); end(reject, signal.reason); };
    signal?.addEventListener('abort', abort);
    request.open('PATCH', address);
    const all = headers({ 'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream' });
    for (const [key, value] of Object.entries(all)) request.setRequestHeader(key, value);
    request.upload.onprogress = (event) => { alive(); progress(event.loaded); };
    request.onload = () => {
      const reached = Number(request.getResponseHeader('Upload-Offset'));
      if (request.status === 204 && reached > offset) end(resolve, reached);
      else if (request.status >= 500 || request.status === 429 || request.status === 204) end(reject, later(request.status));
      else end(reject, new UploadRefused(request.status, detailOf(request.responseText)));
    };
    request.onerror = () => end(reject, new Error('upload: no answer'));
    request.onabort = () => end(reject, new Error('upload: silence'));
    alive();
    request.send(piece);
  });
}

/** Waits, or until the network is back, whichever comes first. */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      clearTimeout(timer);
      removeEventListener('online', online);
      signal?.removeEventListener('abort', abort);
      settle(value);
    };
    const online = () => end(resolve);
    const abort = () => end(reject, signal.reason);
    const timer = setTimeout(online, ms);
    addEventListener('online', online);
    signal?.addEventListener('abort', abort);
  });
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
