// Fetches the content of files: once each, kept while there is room, given to the page as an address
// of the page's own. A file that was sent from here is not fetched at all.

import { session } from '../core/session.js';

/** What is kept in memory at most; what was shown longest ago goes first. */
const LARGEST_SUM_BYTES = 96 * 1024 * 1024;
/** A browser opens six connections to a host; a film that starts must find one free. */
const PARALLEL = 3;
/** Only these are ever shown or played; everything else is data of no type. */
const SHOWN = /^(?:image\/(?:jpeg|png|gif|webp|avif)|video\/(?:mp4|webm|quicktime|ogg)|audio\/(?:mpeg|mp4|ogg|webm|wav|x-wav|flac))$/u;

const kept = new Map();
const urls = new WeakMap();
const waiting = [];
let running = 0;
let sum = 0;

/** The file's content as a Blob; rejects when it cannot be had. `file`: a File of the server, or one with `blob`. */
export function blobOf(file) {
  if (file.blob) return Promise.resolve(file.blob);
  const old = kept.get(file.id);
  if (old) { kept.delete(file.id); kept.set(file.id, old); return old.promise; }
  const entry = { promise: null, size: 0 };
  entry.promise = queued(() => fetchFile(file)).then((blob) => { note(entry, blob); return blob; });
  entry.promise.catch(() => { if (kept.get(file.id) === entry) kept.delete(file.id); });
  kept.set(file.id, entry);
  return entry.promise;
}

/** The content if it is here already, else null. */
export function blobNow(file) {
  return file.blob ?? kept.get(file.id)?.blob ?? null;
}

/** How a page gets a ticket for its session: `() => Promise<string>`; null where the server has none. */
let ticket = null;

export function setTickets(provider) {
  ticket = provider;
}

/** An address to play a file from: what is here, else in pieces from the server, else the whole of it. */
export async function sourceOf(file) {
  const here = blobNow(file);
  if (here) return urlOf(here);
  const pass = ticket && (await ticket().catch(() => null));
  return pass ? `/file/${file.id}?t=${encodeURIComponent(pass)}` : urlOf(await blobOf(file));
}

/** Puts in what is known without asking: sent from here, or from the offline copy. */
export function remember(id, blob) {
  if (!id || kept.has(id)) return;
  const entry = { promise: Promise.resolve(blob), size: 0 };
  kept.set(id, entry);
  note(entry, blob);
}

/** An object URL of a blob; made once, and freed with the page or by `forget`. */
export function urlOf(blob) {
  if (!urls.has(blob)) urls.set(blob, URL.createObjectURL(blob));
  return urls.get(blob);
}

export function forget(blob) {
  const url = urls.get(blob);
  if (url) { URL.revokeObjectURL(url); urls.delete(blob); }
}

/** The media type that a page may give to a file's content. */
export function safeType(file) {
  return file.kind !== 'document' && SHOWN.test(file.type ?? '') ? file.type : 'application/octet-stream';
}

function note(entry, blob) {
  entry.blob = blob;
  entry.size = blob.size;
  sum += blob.size;
  for (const [id, old] of kept) {
    if (sum <= LARGEST_SUM_BYTES) break;
    if (old === entry || !old.blob) continue;
    kept.delete(id);
    sum -= old.size;
  }
}

async function fetchFile(file) {
  const answer = await fetch(`/file/${file.id}`, { headers: { Authorization: `Bearer ${session.current?.auth_id ?? ''}` }, referrerPolicy: 'no-referrer' });
  if (!answer.ok) throw new Error(`file: ${answer.status}`);
  return new Blob([await answer.arrayBuffer()], { type: safeType(file) });
}

function queued(work) {
  return new Promise((resolve, reject) => {
    waiting.push(() => work().then(resolve, reject).finally(() => { running -= 1; next(); }));
    next();
  });
}

function next() {
  // The newest wish first: it is what somebody looks at.
  while (running < PARALLEL && waiting.length > 0) { running += 1; waiting.pop()(); }
}
