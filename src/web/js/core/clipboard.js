// Copying, also where a browser has no modern clipboard because there is no HTTPS.

import { h } from './dom.js';

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = h('textarea.visually-hidden', {}, text);
    (document.querySelector('dialog[open]') ?? document.body).append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }
}
