// What can be done with a message: its menu, and each of the things in it.

import { copyText } from '../core/clipboard.js';
import { t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { nameOf } from '../data/message.js';
import { nameToSave, save } from '../files/attachment.js';
import { fileName } from '../media/attachments.js';
import { mayPin } from '../pins/bar.js';
import { choose, showVoters } from '../polls/poll.js';
import { isMine, reactionStrip, showReactions, toggled } from '../reactions/bar.js';
import { describe } from './form.js';
import { menu } from './menu.js';
import { closeMenu, confirm, toast } from './overlay.js';

export class MessageActions {
  #client;
  #flow;
  #parts;

  /** `parts`: `{jump(number), composer(), pins, selection}` of the conversation. */
  constructor(client, flow, parts) {
    this.#client = client;
    this.#flow = flow;
    this.#parts = parts;
  }

  /** What a person did with a message in the page. */
  act(name, message, node, anchor) {
    const { outbox } = this.#client;
    const does = {
      menu: () => this.#menu(message, anchor),
      picture: () => this.#show(message, Number(anchor.dataset.at)),
      save: () => this.#save(message, message.files[Number(anchor.dataset.at)]),
      retry: () => outbox.retry(message.pending?.txn ?? outbox.editOf(message.uuid)?.txn),
      quote: () => { if (Number.isInteger(message.reply.number)) this.#parts.jump(message.reply.number); else this.jumpTo(message.reply.uuid); },
      jump: () => this.jumpTo(anchor),
      reply: () => { if (this.#mayReply(message)) this.#parts.composer().reply(message); },
      react: () => this.#react(message, anchor.dataset.sign),
      vote: () => this.#vote(message, Number(anchor.dataset.option)),
      pick: () => this.#parts.selection.toggle(message),
      voters: () => showVoters(message.poll, this.#client.store),
      info: () => this.#info(message),
    };
    does[name]?.();
  }

  #mayReply(message) {
    return this.#parts.composer() && message.number !== null && !message.deleted;
  }

  /** Shows a picture, and around it those of the messages that are here. */
  async #show(message, at) {
    const { showPictures } = await import('./lightbox.js');
    const { store } = this.#client;
    const items = [];
    const around = message.number === null ? [message] : this.#flow.history.near(message.number);
    let first = 0;
    for (const one of around) {
      one.files.forEach((file, i) => {
        if (one.deleted || (file.kind !== 'picture' && file.kind !== 'video')) return;
        if (one.key === message.key && i === at) first = items.length;
        items.push({ file, title: nameOf(store.users.get(one.from), t) });
      });
    }
    showPictures(items, first);
  }

  async #info(message) {
    const { showMessageInfo } = await import('./messageinfo.js');
    showMessageInfo(this.#client, this.#flow, message);
  }

  async #save(message, file) {
    try {
      await save(file, nameToSave(file, fileName(message.text)));
    } catch {
      toast(t('file.offline'));
    }
  }

  /** Goes to a message by its id, in whatever conversation it is. */
  async jumpTo(uuid) {
    const here = this.#flow.history.numberOf(uuid);
    if (here !== null) { this.#parts.jump(here); return; }
    await goToMessage(this.#client, uuid);
  }

  #menu(message, anchor) {
    const { store, outbox } = this.#client;
    const flow = this.#flow;
    const own = message.from === store.me;
    const edit = message.uuid && outbox.editOf(message.uuid);
    const there = message.number !== null && !message.deleted;
    const failed = message.pending?.state === 'failed' || edit?.state === 'failed';
    const pinned = there && this.#parts.pins.has(message.uuid);
    const openPoll = there && message.poll && !message.poll.closed && (own || flow.owner === store.me);
    const full = there && store.complete;
    const strip = there && !store.blocked.has(message.from) && reactionStrip(message, store, (sign) => { closeMenu(); this.#react(message, sign); });
    menu(anchor, [
      failed && { icon: 'send', label: t('message.retry'), act: () => outbox.retry(message.pending?.txn ?? edit.txn) },
      there && this.#mayReply(message) && { icon: 'reply', label: t('reply'), act: () => this.#parts.composer().reply(message) },
      message.text !== '' && !message.deleted && !flow.protect && { icon: 'copy', label: t('message.copy'), act: () => copy(message.text) },
      there && !flow.protect && !message.poll && !message.expires && { icon: 'forward', label: t('forward'), act: () => this.#forward([message]) },
      ...(message.deleted ? [] : message.files).filter((file) => file.id || file.blob).map((file) => ({ icon: 'download', label: t('file.download'), act: () => this.#save(message, file) })),
      own && there && !message.forward && !message.poll && { icon: 'pencil', label: t('message.edit'), act: () => this.#parts.composer()?.edit(message) },
      full && mayPin(store, flow) && { icon: 'pin', label: t(pinned ? 'message.unpin' : 'message.pin'), act: () => this.#parts.pins.set(message, !pinned) },
      openPoll && { icon: 'check', label: t('poll.close'), act: () => this.#closePoll(message) },
      message.reactions && { icon: 'smile', label: t('reactions'), act: () => showReactions(message, store) },
      full && { icon: 'link', label: t('message.link'), act: () => copy(`${location.origin}/#/m/${message.uuid}`) },
      full && !flow.saved && { icon: 'info', label: t('message.info'), act: () => this.#info(message) },
      there && { icon: 'checks', label: t('select'), act: () => this.#parts.selection.begin(message) },
      there && (own || store.moderates(flow)) && { icon: 'trash', label: t('message.delete'), danger: true, act: () => this.#delete(message) },
      (message.pending || edit) && { icon: 'trash', label: t(edit ? 'edit.discard' : 'message.discard'), danger: true, act: () => outbox.discard(message.pending?.txn ?? edit.txn) },
    ], { head: strip });
  }

  async #forward(messages) {
    const { forwardMessages } = await import('../forward/dialog.js');
    forwardMessages(this.#client, messages);
  }

  /** Switches a reaction: at once here, then on the server, which may refuse. */
  async #react(message, sign) {
    const { store, api } = this.#client;
    const on = !isMine(message.reactions?.[sign], store.me);
    const before = message.reactions;
    store.patch(message.uuid, { reactions: toggled(before, sign, store.me, on) });
    try {
      store.applyAbout(await this.#client.whenReady(() => api.about('react', message.uuid, { reaction: sign, on })));
    } catch (error) {
      store.patch(message.uuid, { reactions: before });
      toast(describe(error));
    }
  }

  #vote(message, option) {
    return this.#poll('vote', message, { options: choose(message.poll, option) });
  }

  async #closePoll(message) {
    if (await confirm(t('poll.close.ask'), { action: t('poll.close'), text: t('poll.close.text') })) await this.#poll('close_poll', message);
  }

  async #poll(method, message, meta) {
    try {
      this.#client.store.applyAbout(await this.#client.whenReady(() => this.#client.api.about(method, message.uuid, meta)));
    } catch (error) {
      toast(describe(error));
    }
  }

  /** Nobody is asked first: for a moment, it can be taken back. */
  async #delete(message) {
    const { removalsOf } = await import('../data/removals.js');
    removalsOf(this.#client).remove([message]);
  }
}

/** Opens the conversation of a message at its place; says so when there is none for this person. */
export async function goToMessage(client, uuid) {
  try {
    const { messages: [wire], meta } = await client.whenReady(() => client.api.messageInfo([uuid]));
    const number = wire && meta.numbers?.[wire.uuid];
    if (wire && number !== undefined && client.store.flows.has(wire.from_flow)) { router.go(`/f/${wire.from_flow}/m/${number}`, { instead: router.place.panel === 'm' }); return; }
    toast(t('message.gone'));
  } catch (error) {
    toast(describe(error));
  }
  if (router.place.panel === 'm') router.go('/', { instead: true });
}

async function copy(text) {
  await copyText(text);
  toast(t('copied'));
}
