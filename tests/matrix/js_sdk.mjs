// Somebody with matrix-js-sdk, the library of Element and others, beside somebody with the other protocol, whose lines
// come on standard input. Arguments: the library, the server, the password.
import assert from "node:assert";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [library, baseUrl, password] = process.argv.slice(2);
// The library says much on the console; what this says goes past it.
const say = (line) => process.stdout.write(`${line}\n`);
for (const level of ["debug", "info", "log", "trace", "warn"]) console[level] = () => {};
const sdk = await import(pathToFileURL(library));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Waits until something is there. */
async function until(what, look) {
  for (let tries = 0; tries < 600; tries++) {
    const found = look();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`it does not happen: ${what}`);
}

const login = await sdk.createClient({ baseUrl }).loginRequest({
  type: "m.login.password",
  identifier: { type: "m.id.user", user: "anna" },
  password,
});
const client = sdk.createClient({
  baseUrl,
  accessToken: login.access_token,
  userId: login.user_id,
  deviceId: login.device_id,
});
const { room_id: id } = await client.createRoom({ name: "Club", invite: ["@boris:example.org"] });
say(id);
// The other one says thirty things before this one looks.
await lines.next();
await client.startClient({ initialSyncLimit: 5 });
await until("the first sync", () => client.getSyncState() === sdk.SyncState.Prepared || client.isInitialSyncComplete());
const room = await until("the room", () => client.getRoom(id));
assert.equal(room.name, "Club");
assert.equal(room.getMyMembership(), "join");
assert.deepEqual(
  room.getJoinedMembers().map((it) => it.userId).sort(),
  ["@anna:example.org", "@boris:example.org"],
);
const bodies = () =>
  room.getLiveTimeline().getEvents().filter((it) => it.getType() === "m.room.message").map((it) => it.getContent().body);
assert.deepEqual(bodies(), [25, 26, 27, 28, 29].map((n) => `text ${n}`));
assert.equal(room.getUnreadNotificationCount(), 30);

// What was before comes by pages, once each.
for (let pages = 0; pages < 20 && room.oldState.paginationToken !== null; pages++) await client.scrollback(room, 7);
assert.deepEqual(bodies(), Array.from({ length: 30 }, (_, n) => `text ${n}`));

// A text, its edit, a reaction, and the end of another text.
const { event_id: sent } = await client.sendTextMessage(id, "hello from js");
const event = await until("the echo", () => room.findEventById(sent));
await client.sendMessage(id, {
  msgtype: "m.text",
  body: "* better",
  "m.new_content": { msgtype: "m.text", body: "better" },
  "m.relates_to": { rel_type: "m.replace", event_id: sent },
});
await until("the edit", () => event.getContent().body === "better");
await client.sendEvent(id, "m.reaction", {
  "m.relates_to": { rel_type: "m.annotation", event_id: sent, key: "👍" },
});
const { event_id: wrong } = await client.sendTextMessage(id, "wrong");
await client.redactEvent(id, wrong);
await until("the redaction", () => room.findEventById(wrong)?.isRedacted());
say(sent);

// The other one reads, reacts, edits and deletes; each is seen.
await lines.next();
const reactions = () => room.relations.getChildEventsForEvent(sent, "m.annotation", "m.reaction")?.getRelations() ?? [];
await until("the other's reaction", () => reactions().some((it) => it.getSender() === "@boris:example.org"));
await until("the other's edit", () => bodies().includes("text 29, edited"));
await until("the other's deletion", () => room.getLiveTimeline().getEvents().some((it) => it.isRedacted() && it.getSender() === "@boris:example.org"));
await until("the other's receipt", () => room.getEventReadUpTo("@boris:example.org") !== null);

// Whoever has read all has nothing unread.
await client.sendReadReceipt(room.getLiveTimeline().getEvents().at(-1));
await until("nothing unread", () => room.getUnreadNotificationCount() === 0);
await client.leave(id);
await until("it left", () => room.getMyMembership() === "leave");
client.stopClient();
await client.logout(true);
say("done");
process.exit(0);
