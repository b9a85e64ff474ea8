// Bytes to and from the text that MTP carries files as.

/** The bytes of base64 text, or null where it is none (files are opaque text by the protocol). */
export function fromBase64(text) {
  try {
    /** @type {any} Not every browser has it yet. */
    const Bytes = Uint8Array;
    if (Bytes.fromBase64) return Bytes.fromBase64(text);
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
    return bytes;
  } catch {
    return null;
  }
}

export async function toBase64(blob) {
  /** @type {any} */
  const bytes = new Uint8Array(await blob.arrayBuffer());
  if (bytes.toBase64) return bytes.toBase64();
  let binary = '';
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary);
}
