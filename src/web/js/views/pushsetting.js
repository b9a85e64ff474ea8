// The setting "notify me when closed": a switch with a test, or the one sentence that says why it cannot
// work here and what to do.

import { h, icon } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { hasTrustPage, isWanted, switchOff, switchOn, testPush, whyNot } from '../core/push.js';
import { describe } from './form.js';
import { toast } from './overlay.js';

const REASONS = ['denied', 'service'];

export function pushSetting(client) {
  const why = whyNot();
  const box = h('input', { type: 'checkbox', role: 'switch', checked: !why && isWanted(), disabled: Boolean(why), onchange: change });
  const hint = h('small.hint.push-hint');
  const test = h('button.row.action.push-test', { type: 'button', hidden: !box.checked, onclick: () => run(() => testPush(client)) }, icon('bell'), t('push.test'));
  async function run(work) {
    box.disabled = true;
    test.disabled = true;
    hint.textContent = '';
    try {
      if (await work() !== false) toast(t('push.sent'));
    } catch (error) {
      hint.textContent = REASONS.includes(error.message) ? t(`push.why.${error.message}`) : describe(error);
    }
    box.checked = isWanted();
    box.disabled = false;
    test.disabled = false;
    test.hidden = !box.checked;
  }
  function change() {
    return run(box.checked ? () => switchOn(client) : async () => { await switchOff(client); return false; });
  }
  if (why) explain(hint, why, client.store.account?.admin);
  return [h('label.row.setting', {}, icon('bell'), h('span', {}, t('push.setting'), hint), box), test];
}

/** Says why it cannot work, and the way out: where devices learn to trust this server, or whom to ask. */
async function explain(hint, why, isAdmin) {
  hint.textContent = t(`push.why.${why}`);
  if (why !== 'insecure') return;
  const way = await hasTrustPage() ? h('a', { href: '/trust' }, t('push.how')) : t(isAdmin ? 'push.https.admin' : 'push.https');
  hint.append(' ', way);
}
