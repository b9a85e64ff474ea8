// The first hour of a person on a server: where a newcomer lands, what an administrator of an empty
// server does next, and the one offer to install.

import { rest } from '../core/rest.js';
import { router } from '../core/router.js';
import { session } from '../core/session.js';
import { isUnbegun } from '../settings/order.js';

/** Begins what is wanted for this person; `place` is where cards stand above the list. Returns what ends it. */
export async function startFirstHour(client, place) {
  const closers = [];
  const { me } = client.store;
  await rest();
  if (localStorage.getItem(`morelia.removing.${me}`)) (await import('../data/removals.js')).removalsOf(client).resume();
  if (session.isNew) {
    session.isNew = false;
    await client.whenReady(() => {});
    land(client);
  }
  await client.whenReady(() => {});
  if (client.store.account?.admin) closers.push(await (await import('./steps.js')).showSteps(client, place));
  // One thing at a time: whoever has steps to take is offered it when they are done.
  if (!place.querySelector('.first-steps')) closers.push((await import('./install.js')).offerInstall(client, place));
  return () => { for (const close of closers) close?.(); };
}

/** A newcomer sees a conversation: the liveliest of those that the invitation led into, else whom there is to talk to. */
function land({ store }) {
  const { me } = store;
  if (router.place.flow || router.place.panel) return;
  const flows = [...store.flows.values()].filter((flow) => !flow.saved && !isUnbegun(flow, me)).sort((a, b) => (b.history.last?.time ?? b.time) - (a.history.last?.time ?? a.time));
  router.go(flows.length > 0 ? `/f/${flows[0].uuid}` : '/new');
}
