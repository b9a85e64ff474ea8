// The files of a message, as the views use them.

const EXTENSIONS = {
  'image/jpeg': 'jpg', 'image/png': 'png', 'image/gif': 'gif', 'image/webp': 'webp', 'image/avif': 'avif',
  'video/mp4': 'mp4', 'video/webm': 'webm', 'video/quicktime': 'mov', 'video/ogg': 'ogv',
  'audio/mpeg': 'mp3', 'audio/mp4': 'm4a', 'audio/ogg': 'ogg', 'audio/webm': 'weba', 'audio/wav': 'wav', 'audio/flac': 'flac',
};

/** Which field of a message carries a file of this kind. */
export function fieldOf(kind) {
  return `file_${kind}`;
}

const FAMILY = { picture: 'image/', sticker: 'image/', video: 'video/', audio: 'audio/', voice: 'audio/' };

/**
 * `[{id, kind, type, extension, size, width, height, name, …}]` for the files that a server tells of.
 * What its bytes do not show to be a picture, film or sound is a document, whatever its sender called it.
 */
export function readFiles(files) {
  return (files ?? []).map((file) => ({
    ...file,
    kind: file.text || (file.type in EXTENSIONS && file.type.startsWith(FAMILY[file.kind] ?? '')) ? file.kind : 'document',
    width: file.width ?? 0, height: file.height ?? 0, extension: EXTENSIONS[file.type] ?? extensionOf(file.name) ?? 'bin',
  }));
}

function extensionOf(name) {
  return /\.([\p{L}\p{N}]{1,8})$/u.exec(name ?? '')?.[1].toLowerCase();
}

/**
 * MTP has no field for a file's name. Clients of it send it as the message's text, which every other
 * client shows; a text that looks like a file's name is one.
 */
export function fileName(text) {
  return /^[^\n/\\:*?"<>|]{1,200}\.[\p{L}\p{N}]{1,8}$/u.test(text.trim()) ? text.trim() : null;
}
