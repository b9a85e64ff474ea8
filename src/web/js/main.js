// Where the client begins: language and looks, then the sign-in or the person's flows.

import { replace } from './core/dom.js';
import { startLanguage, t } from './core/i18n.js';
import { router } from './core/router.js';
import { session } from './core/session.js';
import { startTheme } from './core/theme.js';

const root = document.getElementById('app');
let running = null;

function invitationCode() {
  const match = /^\/invite\/([^/]+)\/?$/.exec(location.pathname);
  try { return match ? decodeURIComponent(match[1]) : ''; } catch { return ''; }
}

async function showSign(options) {
  const { signView } = await import('./views/sign.js');
  if (session.current) return;
  replace(root, signView({ ...options, redraw: showSign }));
  root.querySelector('input:not([value])')?.focus();
  whenIdle(load);
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
  // Most people open a conversation next; it is loaded while they look at the list.
  whenIdle(() => import('./views/conversation.js'));
  whenIdle(async () => {
    const { startNotifying } = await import('./core/notify.js');
    if (running?.client === client) running.stopNotifying = startNotifying(client);
  });
  client.start();
}

async function end({ forget }) {
  if (!running) return;
  const { client, shell, stopNotifying } = running;
  running = null;
  stopNotifying?.();
  shell.close();
  document.querySelectorAll('dialog').forEach((dialog) => dialog.close());
  await client.stop({ forget });
}

let endReason = '';
session.on('ended', ({ reason }) => { endReason = reason; });
session.on('changed', async () => {
  if (running && session.current?.uuid === running.user && session.current) return;
  await end({ forget: !session.current });
  if (session.current) { begin(); return; }
  history.replaceState(null, '', '/');
  router.place = { flow: null, number: null, panel: null, rest: null };
  showSign({ notice: endReason === 'expired' ? t('sign.expired') : '' });
  endReason = '';
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
  navigator.serviceWorker.addEventListener('message', (event) => { if (event.data?.open) router.go(`/f/${event.data.open}`); });
}

startTheme();
// What comes next is under way while the language is: on a slow line each wait is long.
if (session.current) load(); else import('./views/sign.js');
await startLanguage();
router.start();
followViewport();
const code = invitationCode();
if (session.current && !code) begin();
else if (session.current && code) { history.replaceState(null, '', '/'); begin(); } else showSign({ code });
registerWorker();
