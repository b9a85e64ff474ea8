-- Rooms: the parts of flows that only Matrix shows. Empty until Matrix is switched on. The columns of `members`, `changes`,
-- `sessions`, `hooks` and `txns` below, and the table `audit`, are used with or without Matrix.
--
-- In the log, kind 32 is an event of a room that only Matrix shows.

-- With or without Matrix. Of events that were imported: when they happened, in milliseconds. NULL: `at`.
ALTER TABLE changes ADD COLUMN happened_at INTEGER;

-- With or without Matrix. For a user who left: the position of a client that learned of it late. When the user comes
-- back, the client gets what came after it; NULL: no client was late, and what came after until_position is enough.
ALTER TABLE members ADD COLUMN unheard_position INTEGER;

-- For a chat, which always keeps its two members: whether the member has left its room by Matrix.
ALTER TABLE members ADD COLUMN room_left INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN room_since INTEGER; -- where that begins in the log, or the return from it
CREATE INDEX members_by_room_left ON members (flow_id) WHERE room_left = 1;

-- A token that a Matrix client renews expires before its session. Until the new one is used, the pair before
-- is valid too.
ALTER TABLE sessions ADD COLUMN token_until INTEGER;
ALTER TABLE sessions ADD COLUMN previous_until INTEGER;
ALTER TABLE sessions ADD COLUMN previous_refresh_hash BLOB;
CREATE INDEX sessions_by_refresh ON sessions (refresh_hash) WHERE refresh_hash IS NOT NULL;
CREATE INDEX sessions_by_previous ON sessions (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX sessions_by_previous_refresh ON sessions (previous_refresh_hash) WHERE previous_refresh_hash IS NOT NULL;

-- With or without Matrix. The picture of a hook, which is shown with its messages: in `messages.extra`, hook is the
-- hook that a message came from, and icon the emoji of the program that wrote it.
ALTER TABLE hooks ADD COLUMN picture_file_id INTEGER REFERENCES files (id);
ALTER TABLE hooks ADD COLUMN picture_public_id BLOB; -- on the wire
CREATE INDEX hooks_by_picture ON hooks (picture_file_id) WHERE picture_file_id IS NOT NULL;
CREATE INDEX hooks_by_picture_id ON hooks (picture_public_id) WHERE picture_public_id IS NOT NULL;
CREATE TRIGGER hook_pictures_added AFTER INSERT ON hooks WHEN NEW.picture_file_id IS NOT NULL BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.picture_file_id;
END;
CREATE TRIGGER hook_pictures_changed AFTER UPDATE OF picture_file_id ON hooks
WHEN NEW.picture_file_id IS NOT OLD.picture_file_id BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.picture_file_id;
    UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.picture_file_id;
END;
CREATE TRIGGER hook_pictures_removed AFTER DELETE ON hooks WHEN OLD.picture_file_id IS NOT NULL BEGIN
    UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.picture_file_id;
END;
-- Hooks that are revoked, or write into a removed flow, lose their picture.
CREATE TRIGGER hooks_revoked AFTER UPDATE OF revoked_at ON hooks WHEN NEW.revoked_at IS NOT NULL BEGIN
    UPDATE hooks SET picture_file_id = NULL, picture_public_id = NULL WHERE id = NEW.id;
END;
CREATE TRIGGER hooks_of_removed_flows AFTER UPDATE OF removed_at ON flows WHEN NEW.removed_at IS NOT NULL BEGIN
    UPDATE hooks SET picture_file_id = NULL, picture_public_id = NULL WHERE flow_id = NEW.id;
END;

-- With or without Matrix. The picture of a message's preview, as the sender's client made it smaller; the text of the
-- preview is in `messages.extra`.
CREATE TABLE preview_thumbnails (
    message_id INTEGER NOT NULL PRIMARY KEY REFERENCES messages (id),
    file_id    INTEGER NOT NULL REFERENCES files (id),
    public_id  BLOB NOT NULL UNIQUE DEFAULT (randomblob(16)), -- on the wire
    width      INTEGER,                       -- pixels
    height     INTEGER
) STRICT;
CREATE INDEX preview_thumbnails_by_file ON preview_thumbnails (file_id);
CREATE TRIGGER preview_thumbnails_added AFTER INSERT ON preview_thumbnails BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.file_id;
END;
CREATE TRIGGER preview_thumbnails_removed AFTER DELETE ON preview_thumbnails BEGIN
    UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.file_id;
END;

-- With or without Matrix. What administrators and the operator did to accounts, conversations and the server, for
-- administrators to read; the oldest rows are removed (see `store::audit`).
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,              -- milliseconds
    by_id      INTEGER REFERENCES users (id), -- who did it; NULL: the operator, by a command
    by_login   TEXT,                          -- what that account was called then
    act        TEXT NOT NULL,                 -- a word of `model::Act`
    user_id    INTEGER REFERENCES users (id), -- whom it was done to
    what       TEXT,                          -- what it was done to, as it was called then
    detail     TEXT                           -- what became of it: a word, a number, a name
) STRICT;
CREATE INDEX audit_by_time ON audit (at);

-- Events of rooms that are more than a message as MTP sent it: state, edits, redactions, reactions, and
-- messages by Matrix with their original content. A message by MTP has no row:
-- its event is derived from `messages`, until it is edited.
--
-- User ids of this server lack the server's name in `state_key` and in the users of
-- m.room.power_levels: `@anna`.
CREATE TABLE room_events (
    flow_id    INTEGER NOT NULL REFERENCES flows (id),
    position   INTEGER NOT NULL,              -- in the log; of a message, messages.id
    part       INTEGER NOT NULL,              -- order among those of one position
    uuid       BLOB NOT NULL UNIQUE,          -- of a message, messages.uuid
    sender_id  INTEGER REFERENCES users (id),
    type       TEXT NOT NULL,
    state_key  TEXT,                          -- NULL: not state
    content    TEXT NOT NULL,                 -- JSON
    at         INTEGER NOT NULL,              -- milliseconds
    message_id INTEGER,                       -- the message that it is, or is about
    target     BLOB,                          -- uuid of the event that it is about
    relation   TEXT,                          -- to that: m.replace, m.annotation, m.thread, m.reference; redaction
    key        TEXT,                          -- of an annotation
    redacted_by BLOB,                         -- uuid of the redaction
    session_id INTEGER,                       -- that sent it
    txn        TEXT,                          -- by which that session knows it
    PRIMARY KEY (flow_id, position, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_state ON room_events (flow_id, type, state_key, position, part) WHERE state_key IS NOT NULL;
CREATE INDEX room_events_by_target ON room_events (target, relation, position) WHERE target IS NOT NULL;
CREATE INDEX room_relations ON room_events (target, position, part)
    WHERE relation NOT IN ('redaction', 'part') AND redacted_by IS NULL;
CREATE INDEX room_threads ON room_events (flow_id, target, position, sender_id) WHERE relation = 'm.thread' AND redacted_by IS NULL;
CREATE INDEX room_thread_events ON room_events (flow_id, position) WHERE relation = 'm.thread' AND redacted_by IS NULL;
CREATE INDEX room_events_by_message ON room_events (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX room_events_alone ON room_events (at) WHERE state_key IS NULL AND message_id IS NULL;
CREATE INDEX room_events_alone_by_flow ON room_events (flow_id) WHERE state_key IS NULL AND message_id IS NULL;
CREATE INDEX room_events_by_txn ON room_events (session_id, txn) WHERE txn IS NOT NULL;

-- Filters that Matrix clients have stored.
CREATE TABLE room_filters (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    INTEGER NOT NULL REFERENCES users (id),
    definition TEXT NOT NULL,                 -- JSON
    UNIQUE (user_id, definition)
) STRICT;

-- With or without Matrix. What the answer to a post by a hook repeats of it, as JSON: a repetition gets the same. It ends
-- with the message.
ALTER TABLE txns ADD COLUMN answer TEXT;
CREATE INDEX txns_by_message ON txns (message_id) WHERE answer IS NOT NULL;
CREATE TRIGGER txns_emptied AFTER UPDATE OF deleted_at ON messages WHEN NEW.deleted_at IS NOT NULL BEGIN
    UPDATE txns SET answer = NULL WHERE message_id = NEW.id AND answer IS NOT NULL;
END;
CREATE TRIGGER txns_of_removed AFTER DELETE ON messages BEGIN
    UPDATE txns SET answer = NULL WHERE message_id = OLD.id AND answer IS NOT NULL;
END;

-- Aliases of rooms: `#name` without the server.
CREATE TABLE room_aliases (
    alias      TEXT NOT NULL PRIMARY KEY,
    flow_id    INTEGER NOT NULL REFERENCES flows (id),
    user_id    INTEGER REFERENCES users (id)  -- who made it
) STRICT, WITHOUT ROWID;
CREATE INDEX room_aliases_by_flow ON room_aliases (flow_id);

-- Files of messages under the ids that Matrix clients use: the id of an upload, or of a file that
-- another message shows.
CREATE TABLE room_media (
    media      BLOB NOT NULL,                 -- 16 bytes, on the wire the end of an mxc address
    message_id INTEGER NOT NULL,
    ordinal    INTEGER NOT NULL,              -- of the attachment
    is_thumb   INTEGER NOT NULL,              -- 1: its thumbnail
    type       TEXT,                          -- as the client says
    PRIMARY KEY (media, message_id, ordinal, is_thumb)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_media_by_message ON room_media (message_id);
CREATE TRIGGER room_media_removed AFTER DELETE ON attachments BEGIN
    DELETE FROM room_media WHERE message_id = OLD.message_id AND ordinal = OLD.ordinal;
END;

-- How far users have read by Matrix, and by MTP while Matrix is on.
CREATE TABLE room_receipts (
    flow_id    INTEGER NOT NULL REFERENCES flows (id),
    user_id    INTEGER NOT NULL REFERENCES users (id),
    kind       TEXT NOT NULL,                 -- m.read, m.read.private, m.fully_read
    thread     TEXT NOT NULL,                 -- main, the id of an event, or nothing: all
    event      TEXT NOT NULL,                 -- id of the event
    event_position INTEGER NOT NULL,
    at         INTEGER NOT NULL,              -- milliseconds
    position   INTEGER NOT NULL,              -- in the log, when that was said
    PRIMARY KEY (flow_id, user_id, kind, thread)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_receipts_by_position ON room_receipts (flow_id, position);

-- Account data of Matrix clients.
CREATE TABLE room_account_data (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    flow_id    INTEGER NOT NULL,              -- 0: of no room
    type       TEXT NOT NULL,
    content    TEXT NOT NULL,                 -- JSON
    position   INTEGER NOT NULL,              -- in the log
    PRIMARY KEY (user_id, flow_id, type)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER room_users_deleted AFTER UPDATE OF deleted_at ON users WHEN NEW.deleted_at IS NOT NULL BEGIN
    DELETE FROM room_account_data WHERE user_id = NEW.id;
    DELETE FROM room_receipts WHERE user_id = NEW.id;
    DELETE FROM room_filters WHERE user_id = NEW.id;
END;

-- The content and the edits of a deleted message are removed from its events too.
CREATE TRIGGER room_events_emptied AFTER UPDATE OF deleted_at ON messages WHEN NEW.deleted_at IS NOT NULL BEGIN
    UPDATE room_events SET content = '{}' WHERE message_id = NEW.id AND relation IS NOT 'redaction';
END;
CREATE TRIGGER room_events_removed AFTER DELETE ON messages BEGIN
    DELETE FROM room_events WHERE message_id = OLD.id;
END;
