// How programs show themselves that write by hooks.

import { disc } from '../views/avatar.js';

/** The program that wrote a message by a hook: the hook's picture, the emoji it goes by, or initials. */
export function programAvatar(program, size = 'm') {
  const node = disc(program.name, program.name, program.picture, size);
  if (program.avatar && !program.picture) node.querySelector('.initials').dataset.text = program.avatar;
  return node;
}
