// The files of a message, from the wire to something a page can show.

import { fromBase64 } from './base64.js';
import { pictureSize, sniff } from './sniff.js';

const FIELDS = ['file_picture', 'file_video', 'file_audio', 'file_document'];

/** Which field of a message carries a file of this kind. */
export function fieldOf(kind) {
  return `file_${kind}`;
}

/** `[{field, kind, blob, mime, extension, size, width, height}]` for a message as it came. */
export function readFiles(wire) {
  return FIELDS.filter((field) => wire[field]).map((field) => readFile(field, wire[field]));
}

function readFile(field, text) {
  // What is not base64 is still somebody's file: it is kept as the text it came as.
  const bytes = fromBase64(text) ?? new TextEncoder().encode(text);
  const type = sniff(bytes);
  // A sender who puts a picture into the document field means "as a file".
  const kind = field === 'file_document' ? 'document' : type.kind;
  const measured = kind === 'picture' ? pictureSize(bytes, type.mime) : null;
  return {
    field,
    kind,
    // Nothing that a document contains may run here, so its type says nothing.
    mime: kind === 'document' ? 'application/octet-stream' : type.mime,
    blob: new Blob([bytes], { type: kind === 'document' ? 'application/octet-stream' : type.mime }),
    extension: type.extension,
    size: bytes.length,
    width: measured?.width ?? 0,
    height: measured?.height ?? 0,
  };
}

/**
 * MTP has no field for a file's name. This client sends it as the message's text, which every other
 * client shows; a text that looks like a file's name is one.
 */
export function fileName(text) {
  return /^[^\n/\\:*?"<>|]{1,200}\.[\p{L}\p{N}]{1,8}$/u.test(text.trim()) ? text.trim() : null;
}

const urls = new WeakMap();

/** An object URL of a blob; made once, and freed with the page or by `forget`. */
export function urlOf(blob) {
  if (!urls.has(blob)) urls.set(blob, URL.createObjectURL(blob));
  return urls.get(blob);
}

export function forget(blob) {
  const url = urls.get(blob);
  if (url) { URL.revokeObjectURL(url); urls.delete(blob); }
}
