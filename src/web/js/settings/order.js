// In which order conversations are listed, and which of them. Pure.

/** The order of the list: pinned ones first, by their rank; then the newest. */
export function byOrder(a, b) {
  const [pinnedA, pinnedB] = [a.flow.settings.pinned || Infinity, b.flow.settings.pinned || Infinity];
  if (pinnedA !== pinnedB) return pinnedA - pinnedB;
  return b.time - a.time || (a.flow.uuid < b.flow.uuid ? 1 : -1);
}

/** Whether a chat is one that the other has opened and written nothing in: nothing that concerns `me` yet. */
export function isUnbegun(flow, me) {
  return flow.type === 'chat' && flow.history.count === 0 && flow.owner !== me;
}

/** What the chips above the list let through. */
export const FILTERS = {
  all: () => true,
  unread: (flow) => flow.unread > 0 || flow.settings.unread === true,
  chats: (flow) => flow.type === 'chat',
  groups: (flow) => flow.type === 'group',
  channels: (flow) => flow.type === 'channel',
};
