-- The whole of a Morelia server: users, flows, messages and files, in one SQLite file.
--
-- Ways of this schema:
--   * `id` is the row's own number inside this file; `uuid` is its 128-bit public id, 16 bytes big
--     endian, time-ordered (UUIDv7) so that its index grows at one end. On the wire it is decimal.
--   * `…_at` are milliseconds since 1970 (UTC) by the wall clock: data, never order. Order is
--     `changes.position`.
--   * Rows that others refer to (users, flows, messages) are emptied, never removed.

PRAGMA application_id = 1297239105; -- "MRLA": how `file` and Morelia itself know this file

-- Facts about the file itself that change at run time, by name.
CREATE TABLE properties (
    name  TEXT NOT NULL PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- The last message that the full-text index knows; later ones wait for a quiet moment.
INSERT INTO properties (name, value) VALUES ('indexed_message_id', 0);

-- Content of files, each stored once whatever the number of messages and avatars that show it.
-- Rows are removed by the triggers below with the last reference.
CREATE TABLE files (
    id         INTEGER PRIMARY KEY,
    sha256     BLOB NOT NULL UNIQUE,          -- of content
    size       INTEGER NOT NULL,              -- bytes of content
    reference_count INTEGER NOT NULL DEFAULT 0,  -- message_files and avatars that point here
    content    BLOB NOT NULL
) STRICT;

-- People and bots. A deleted account keeps its row, emptied.
CREATE TABLE users (
    id              INTEGER PRIMARY KEY,
    uuid            BLOB NOT NULL UNIQUE,
    login           TEXT NOT NULL,            -- as typed at registration; 'User deleted' afterwards
    login_key       TEXT UNIQUE,              -- folded for comparison; NULL frees it when deleted
    localpart       TEXT NOT NULL UNIQUE,     -- ASCII, never changed, never used again (for other protocols)
    password_hash   TEXT,                     -- Argon2id, PHC text; NULL: nobody can log in
    username        TEXT,
    email           TEXT,
    bio             TEXT,
    avatar_file_id  INTEGER REFERENCES files (id),
    avatar_encoding INTEGER NOT NULL DEFAULT 0, -- as message_files.encoding
    is_bot          INTEGER NOT NULL DEFAULT 0,
    is_admin        INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL,
    suspended_at    INTEGER,
    deleted_at      INTEGER
) STRICT;
CREATE INDEX users_by_avatar ON users (avatar_file_id) WHERE avatar_file_id IS NOT NULL;
CREATE INDEX users_by_name ON users (username, id) WHERE deleted_at IS NULL;

-- One row per signed-in device. The token itself is not here, only its SHA-256.
CREATE TABLE sessions (
    id           INTEGER PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id),
    token_hash   BLOB NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,            -- renewed at most once in a while, not at every request
    expires_at   INTEGER NOT NULL,
    address      TEXT,                        -- of the client, masked as configured
    label        TEXT                         -- what the device calls itself
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Codes that let somebody register. Only the SHA-256 of a code is kept.
CREATE TABLE invitations (
    id         INTEGER PRIMARY KEY,
    code_hash  BLOB NOT NULL UNIQUE,
    hint       TEXT NOT NULL,                 -- first characters of the code, to tell one from another
    created_by INTEGER REFERENCES users (id), -- NULL: made on the command line
    created_at INTEGER NOT NULL,
    expires_at INTEGER,                       -- NULL: never
    uses_left  INTEGER NOT NULL,
    flow_id    INTEGER REFERENCES flows (id), -- whoever registers with it joins this flow
    revoked_at INTEGER
) STRICT;

-- Conversations: a chat has two members, in a channel the owner writes, in a group all do.
CREATE TABLE flows (
    id          INTEGER PRIMARY KEY,
    uuid        BLOB NOT NULL UNIQUE,
    kind        TEXT NOT NULL CHECK (kind IN ('chat', 'channel', 'group')),
    title       TEXT,
    info        TEXT,
    owner_id    INTEGER REFERENCES users (id),
    chat_key    TEXT UNIQUE,                  -- 'lower user id:higher user id' of a chat, else NULL
    next_number  INTEGER NOT NULL DEFAULT 0,   -- the number that the flow's next message gets
    first_number INTEGER NOT NULL DEFAULT 0,  -- smaller ones have been removed by retention; clients count from here
    created_at  INTEGER NOT NULL,
    removed_at  INTEGER                       -- set when an administrator removed the flow
) STRICT;

-- Who is, and who was, in a flow.
CREATE TABLE members (
    flow_id     INTEGER NOT NULL REFERENCES flows (id),
    user_id     INTEGER NOT NULL REFERENCES users (id),
    state       TEXT NOT NULL CHECK (state IN ('joined', 'left')),
    ordinal     INTEGER NOT NULL,             -- order of joining within the flow
    joined_at   INTEGER NOT NULL,
    left_at     INTEGER,
    read_number INTEGER,                      -- last message that the user has read; NULL: none
    PRIMARY KEY (flow_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user_id, state, flow_id);

-- Messages. `id` is the position (see changes) at which the message was sent, so ids order all
-- messages of the server; `number` is dense within the flow and starts at 0.
CREATE TABLE messages (
    id         INTEGER PRIMARY KEY,
    uuid       BLOB NOT NULL UNIQUE,
    flow_id    INTEGER NOT NULL REFERENCES flows (id),
    number     INTEGER NOT NULL,
    author_id  INTEGER NOT NULL REFERENCES users (id),
    sent_at    INTEGER NOT NULL,
    text       TEXT,
    slots      INTEGER NOT NULL DEFAULT 0,    -- bit n set: message_files has slot n
    edited_at  INTEGER,
    deleted_at INTEGER                        -- text and files are gone; text says so
) STRICT;
CREATE UNIQUE INDEX messages_by_number ON messages (flow_id, number);

-- Which file a message shows, and as what.
CREATE TABLE message_files (
    message_id INTEGER NOT NULL REFERENCES messages (id),
    slot       INTEGER NOT NULL,              -- 0 picture, 1 video, 2 audio, 3 document, 4 emoji
    file_id    INTEGER NOT NULL REFERENCES files (id),
    encoding   INTEGER NOT NULL,              -- 0: content is the text that the client sent; 1: it goes out as base64
    public_id  BLOB NOT NULL DEFAULT (randomblob(16)), -- says nothing of the content (for other protocols)
    PRIMARY KEY (message_id, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_files_by_file ON message_files (file_id);

-- The log: one row per change, in commit order, never altered. Its sequence is the cursor of
-- everything that follows what happens.
CREATE TABLE changes (
    position   INTEGER PRIMARY KEY,           -- server-wide sequence, grows by one
    at         INTEGER NOT NULL,              -- milliseconds; never smaller than the row before, even if the clock was
    audience   INTEGER NOT NULL,              -- 0: every user; n: members of flow n; -n: user n alone
    kind       INTEGER NOT NULL,              -- 1 message sent, 2 edited, 3 deleted; 4 flow created, 5 changed,
                                              -- 6 member joined, 7 member left; 8 user registered, 9 changed;
                                              -- 10 read mark moved; 11 you are no longer in flow_id
    flow_id    INTEGER,
    message_id INTEGER,                       -- of kind 2 and 3; a message that was sent has its position as id
    user_id    INTEGER                        -- whom a change of kind 6 to 10 is about
) STRICT;
CREATE INDEX changes_by_audience ON changes (audience); -- and position, which every index ends with

-- Requests that carried a `txn`, so that a repetition is answered and not done again.
CREATE TABLE txns (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    txn        TEXT NOT NULL,                 -- made by the client
    message_id INTEGER,                       -- what the first request made
    flow_id    INTEGER,
    client_id  INTEGER,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, txn)
) STRICT, WITHOUT ROWID;
CREATE INDEX txns_by_expiry ON txns (expires_at);

-- Full-text index over messages.text; holds no text of its own.
CREATE VIRTUAL TABLE message_search USING fts5 (
    text, content = 'messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
-- Deleted words leave the index at once instead of with some later merge.
INSERT INTO message_search (message_search, rank) VALUES ('secure-delete', 1);

-- References to files are counted here, so that no writer can forget to.
CREATE TRIGGER message_files_added AFTER INSERT ON message_files BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.file_id;
END;
CREATE TRIGGER message_files_removed AFTER DELETE ON message_files BEGIN
    UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.file_id;
    DELETE FROM files WHERE id = OLD.file_id AND reference_count <= 0;
END;
CREATE TRIGGER avatars_added AFTER INSERT ON users WHEN NEW.avatar_file_id IS NOT NULL BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.avatar_file_id;
END;
CREATE TRIGGER avatars_changed AFTER UPDATE OF avatar_file_id ON users
WHEN NEW.avatar_file_id IS NOT OLD.avatar_file_id BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.avatar_file_id;
    UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.avatar_file_id;
    DELETE FROM files WHERE id = OLD.avatar_file_id AND reference_count <= 0;
END;
