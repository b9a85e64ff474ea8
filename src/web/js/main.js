// Where the client begins: language and looks, then the sign-in or the person's flows.

import { replace } from './core/dom.js';
import { startLanguage, t } from './core/i18n.js';
import { rest } from './core/rest.js';
import { router } from './core/router.js';
import { session } from './core/session.js';
import { sheet } from './core/sheets.js';
import { startTheme } from './core/theme.js';

const root = document.getElementById('app');
let running = null;

/** The code in the address of a page: `/invite/CODE`, `/reset/CODE`. */
function codeOf(page) {
  const match = new RegExp(`^/${page}/([^/]+)/?$`).exec(location.pathname);
  try { return match ? decodeURIComponent(match[1]) : ''; } catch { return ''; }
}

async function showSign(options) {
  const { signView } = await import('./views/sign.js');
  if (session.current) return;
  replace(root, signView({ ...options, redraw: showSign }));
  root.querySelector('input:not([value])')?.focus();
  whenIdle(load);
}

/** The page of a link for a new password; or what comes without one, when it is not good any more. */
async function showReset(code) {
  const [{ whose, resetView }] = await Promise.all([import('./views/reset.js'), rest()]);
  const user = await whose(code).catch((error) => ({ error }));
  if (user && !user.error) {
    const leave = () => { history.replaceState(null, '', '/'); begin(); };
    const redraw = (options) => { replace(root, resetView(options)); root.querySelector('input:not([readonly])')?.focus(); };
    redraw({ code, user, leave, redraw });
    return;
  }
  const { describe } = await import('./views/form.js');
  const notice = user?.error ? describe(user.error) : t('reset.gone');
  // A code that could not be asked about stays in the address for another try.
  if (!user?.error) history.replaceState(null, '', '/');
  if (!session.current) { showSign({ notice }); return; }
  begin();
  const { toast } = await import('./views/overlay.js');
  toast(notice);
}

/** Signs in by a code of another device, `/#/link/CODE`. */
async function useLink(code) {
  const [{ once }, { MtpError }] = await Promise.all([import('./net/once.js'), import('./net/wire.js'), rest()]);
  history.replaceState(null, '', '/');
  router.place = { flow: null, number: null, panel: null, rest: null };
  try {
    const found = await once((api) => api.useLink(code));
    session.begin(found.uuid, found.auth_id, '');
  } catch (error) {
    const { describe } = await import('./views/form.js');
    showSign({ notice: error instanceof MtpError && error.code === 404 ? t('link.gone') : describe(error) });
  }
}

/** Offers to join what an invitation is for. */
async function offerToJoin(client, code) {
  const [{ confirm, toast }, { describe }, { MtpError }] = await Promise.all([import('./views/overlay.js'), import('./views/form.js'), import('./net/wire.js'), rest()]);
  if (!(await confirm(t('join.ask'), { action: t('join.action'), text: t('join.text') }))) return;
  try {
    const flow = await client.join(code);
    router.go(`/f/${flow.uuid}`);
  } catch (error) {
    const key = error instanceof MtpError ? { 404: 'sign.badcode', 409: 'join.nowhere' }[error.code] : null;
    toast(key ? t(key) : describe(error));
  }
}

/** Everything but the sign-in; it comes while somebody types a password. */
async function load() {
  const [{ Client }, { Shell }] = await Promise.all([import('./net/client.js'), import('./views/shell.js')]);
  return { Client, Shell };
}

const whenIdle = globalThis.requestIdleCallback ?? ((work) => setTimeout(work, 200));

async function begin() {
  const { Client, Shell } = await load();
  // Signed out again meanwhile, or begun twice.
  if (!session.current || running) return;
  const client = new Client(session.current.uuid);
  const shell = new Shell(client);
  running = { client, shell, user: session.current.uuid };
  replace(root, shell.element);
  // An invitation that has done its work must not come back on a reload.
  if (location.pathname !== '/') router.go('/', { instead: true });
  shell.show();
  client.on('state', () => { if (client.state === 'ready') shell.show(); });
  client.on('device', async (device) => {
    const [{ toast }, { deviceName }] = await Promise.all([import('./views/overlay.js'), import('./text/devices.js'), rest()]);
    toast(t('devices.new', { name: deviceName(device?.label, t) }));
  });
  // Most people open a conversation next; it is loaded while they look at the list.
  whenIdle(() => { import('./views/conversation.js'); rest(); sheet('conversation'); });
  whenIdle(async () => {
    const { plainWords } = await import('./text/markup.js');
    (await import('./data/message.js')).readMarksBy(plainWords);
  });
  whenIdle(async () => {
    const { startNotifying } = await import('./core/notify.js');
    if (running?.client === client) running.stopNotifying = startNotifying(client);
  });
  whenIdle(async () => {
    const { startFirstHour } = await import('./first/hour.js');
    const stop = await startFirstHour(client, shell.cards).catch(() => {});
    if (running?.client === client) running.stopFirstHour = stop; else stop?.();
  });
  client.start();
}

async function end({ forget }) {
  if (!running) return;
  const { client, shell, stopNotifying, stopFirstHour } = running;
  running = null;
  stopNotifying?.();
  stopFirstHour?.();
  shell.close();
  document.querySelectorAll('dialog').forEach((dialog) => dialog.close());
  await client.stop({ forget });
}

// It is offered at a better moment than the browser's.
addEventListener('beforeinstallprompt', (event) => { event.preventDefault(); session.install = event; session.emit('install'); });

let ended = null;
session.on('ended', (how) => { ended = how; });
session.on('changed', async () => {
  if (running && session.current?.uuid === running.user && session.current) return;
  if (!session.current) import('./core/push.js').then(({ forgetPush }) => forgetPush(ended?.reason === ''));
  // Only who signs out leaves nothing: what was written waits out a session that ended otherwise.
  await end({ forget: ended?.reason === '' ? 'all' : 'read' });
  if (session.current) { begin(); return; }
  history.replaceState(null, '', '/');
  router.place = { flow: null, number: null, panel: null, rest: null };
  showSign({ notice: ended?.reason === 'expired' ? t('sign.expired') : '' });
  ended = null;
});

/** A page that calls itself by the height that is left when a phone's keyboard is open. */
function followViewport() {
  const { visualViewport } = globalThis;
  if (!visualViewport) return;
  const apply = () => document.documentElement.style.setProperty('--page-height', `${Math.round(visualViewport.height)}px`);
  visualViewport.addEventListener('resize', apply);
  apply();
}

async function registerWorker() {
  if (!('serviceWorker' in navigator)) return;
  // Trusted Types: the only string of this client that becomes a script's address.
  const policy = globalThis.trustedTypes?.createPolicy('morelia', { createScriptURL: (url) => { if (url !== '/sw.js') throw new TypeError(url); return url; } });
  await navigator.serviceWorker.register(policy?.createScriptURL('/sw.js') ?? '/sw.js').catch(() => {});
  navigator.serviceWorker.addEventListener('message', (event) => { if (event.data?.open) router.go(event.data.open); });
}

startTheme();
// What comes next is under way while the language is: on a slow line each wait is long.
if (session.current) load(); else import('./views/sign.js');
await startLanguage();
router.start();
followViewport();
const invitation = codeOf('invite');
const reset = codeOf('reset');
const link = router.place.panel === 'link' ? router.place.rest : null;
if (reset) {
  showReset(reset);
} else if (session.current) {
  if (invitation || link) { history.replaceState(null, '', '/'); router.place = { flow: null, number: null, panel: null, rest: null }; }
  await begin();
  if (invitation && running) offerToJoin(running.client, invitation);
} else if (link) {
  useLink(link);
} else {
  showSign({ code: invitation });
}
registerWorker();
