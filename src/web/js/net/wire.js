// The shape of MTP frames: envelopes out, answers and pushes in. Pure.

/** An answer of 400 or above. `detail` is the server's sentence for a person. */
export class MtpError extends Error {
  /** `refusal`: `{key, values}`, by which it is told in the person's own language. */
  constructor({ code, status, detail }, refusal = null) {
    super(detail || status || 'unknown error');
    this.name = 'MtpError';
    this.code = code;
    this.detail = detail || status || '';
    this.refusal = refusal;
  }

  /** The server may accept the same request later. */
  get temporary() { return [408, 429, 500, 503, 520].includes(this.code); }
}

/** The connection went away before the answer came: nobody knows whether it was done. */
export class ConnectionLost extends Error {
  constructor() {
    super('connection lost');
    this.name = 'ConnectionLost';
  }
}

/** What this client understands beyond the protocol. */
const ACCEPT = ['rich'];

export function envelope(type, data, txn) {
  return {
    type,
    data: data ?? null,
    errors: null,
    jsonapi: { version: '1.0', revision: '17' },
    meta: txn ? { txn, accept: ACCEPT } : { accept: ACCEPT },
  };
}

/** Reads a frame; null when it is not MTP. */
export function readFrame(text) {
  let frame;
  try { frame = JSON.parse(text); } catch { return null; }
  if (typeof frame !== 'object' || frame === null || typeof frame.type !== 'string') return null;
  return frame;
}

export function isPush(frame) {
  return frame.meta?.push === true;
}
