// Links that invite: to the server, or into a group or channel; as a QR code for who stands beside.

import { copyText } from '../core/clipboard.js';
import { h } from '../core/dom.js';
import { now } from '../core/clock.js';
import { t } from '../core/i18n.js';
import { flowTitle } from '../views/avatar.js';
import { describe } from '../views/form.js';
import { dialog, toast } from '../views/overlay.js';
import { qrCode } from './qr.js';

const DAY = 86_400;

/** Makes an invitation to the server for one person, and shows it. */
export async function inviteToServer(client) {
  const link = await made(client, {});
  if (link) showLink({ title: t('invite.ready'), text: t('invite.text'), link });
}

/** Makes a link into a flow, for ten people within a week, and shows it. */
export async function inviteTo(client, flow) {
  const link = await made(client, { flow: flow.uuid, uses: 10, expires: now() + 7 * DAY });
  if (link) showLink({ title: t('invite.to', { title: flowTitle(client.store, flow) }), text: t('invite.flow.text'), link });
}

async function made(client, meta) {
  try {
    const { code } = await client.api.invite(meta);
    return `${location.origin}/invite/${encodeURIComponent(code)}`;
  } catch (error) {
    toast(describe(error));
    return null;
  }
}

/** A link with its QR code, to be copied or shared, and `more` below it. */
export function showLink({ title, text, link, label = t('invite.link'), copy = t('invite.copy'), more = null }) {
  return dialog(title, (close) => h('form.question', { onsubmit: (event) => { event.preventDefault(); close(); } },
    h('h2', { dir: 'auto' }, title),
    h('p', {}, text),
    qrPicture(link),
    h('input.link-box', { readonly: true, value: link, 'aria-label': label, onfocus: (event) => event.target.select() }),
    more,
    h('div.actions', {},
      h('button.button.quiet', { type: 'button', onclick: () => close() }, t('close')),
      navigator.share && h('button.button.quiet', { type: 'button', onclick: () => navigator.share({ url: link }).catch(() => {}) }, t('invite.share')),
      h('button.button', { type: 'button', autofocus: true, onclick: (event) => copyLink(event.target.closest('form').querySelector('.link-box')) }, copy))));
}

async function copyLink(box) {
  box.select();
  await copyText(box.value);
  toast(t('copied'));
}

const SVG = 'http://www.w3.org/2000/svg';

/** Dark on light in both themes: many cameras read nothing else. */
function qrPicture(text) {
  const rows = qrCode(text);
  if (!rows) return null;
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  const size = rows.length + 8;
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
  svg.setAttribute('class', 'qr');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', t('qr.label'));
  path.setAttribute('d', rows.flatMap((row, r) => row.map((dark, c) => (dark ? `M${c + 4} ${r + 4}h1v1h-1z` : ''))).join(''));
  svg.append(path);
  return svg;
}
