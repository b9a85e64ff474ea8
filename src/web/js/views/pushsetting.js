// The setting "notify me when closed": a switch, or the one sentence that says why it cannot work here
// and what to do.

import { h, icon } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { isWanted, switchOff, switchOn, whyNot } from '../core/push.js';
import { describe } from './form.js';
import { toast } from './overlay.js';

const REASONS = ['denied', 'service'];

export function pushSetting(client) {
  const why = whyNot();
  const box = h('input', { type: 'checkbox', role: 'switch', checked: !why && isWanted(), disabled: Boolean(why), onchange: change });
  const hint = h('small.hint', {}, why ? reason(why) : '');
  async function change() {
    box.disabled = true;
    try {
      if (box.checked) { await switchOn(client); toast(t('push.sent')); } else await switchOff(client);
      hint.textContent = '';
    } catch (error) {
      box.checked = isWanted();
      hint.textContent = REASONS.includes(error.message) ? t(`push.why.${error.message}`) : describe(error);
    }
    box.disabled = false;
  }
  return h('label.row.setting', {}, icon('bell'), h('span', {}, t('push.setting'), hint), box);
}

function reason(why) {
  const text = t(`push.why.${why}`);
  if (why !== 'insecure') return text;
  return [`${text} `, h('a', { href: '/trust' }, t('push.how'))];
}
