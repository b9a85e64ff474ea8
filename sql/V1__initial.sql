-- The whole of a Morelia server: people, flows, messages and files, in one SQLite file.
--
-- Conventions of this schema:
--   * `id` is the row's own number inside this file; `uuid` is its 128-bit public id, 16 bytes big
--     endian, time-ordered (UUIDv7) so that its index grows at one end. On the wire it is decimal.
--   * `…_at` are milliseconds since 1970 (UTC) by the wall clock: data, never order. Order is the
--     position, see `changes`.
--   * Rows that others refer to (users, flows, messages) are emptied, never removed, except
--     messages that retention takes.
--   * Words and numbers that may grow in kind (state, kind, …) have no CHECK: widening one would
--     mean rebuilding a table that others refer to.
--   * Bits in `flags`, `privacy`, `settings` and `slots` are listed at their column.
--
-- Order of this file: the file itself, files, people, flows, messages, what hangs on messages, the
-- log, retries, bots and hooks, triggers, search.

PRAGMA application_id = 1297239105; -- "MRLA": how `file` and Morelia itself know this file

-- Facts about the file itself that change at run time, by name.
CREATE TABLE properties (
    name  TEXT NOT NULL PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

---------------------------------------------------------------------------------------------------
-- Files
---------------------------------------------------------------------------------------------------

-- Content of files, each stored once whatever the number of messages and avatars that show it.
-- Rows are removed by the triggers below with the last reference.
CREATE TABLE files (
    id         INTEGER PRIMARY KEY,
    sha256     BLOB UNIQUE,                   -- of the content; NULL while it is not complete
    size       INTEGER NOT NULL,              -- bytes of the content
    reference_count INTEGER NOT NULL DEFAULT 0,  -- attachments, thumbnails, avatars, pictures, uploads and exports that point here
    place      INTEGER NOT NULL DEFAULT 0,    -- 0: `content` holds the bytes; 1: a file in the folder beside the database does
    name       BLOB UNIQUE,                   -- of the file in the folder: 16 random bytes
    type       TEXT,                          -- media type found in the content; NULL: not looked at
    owner_id   INTEGER REFERENCES users (id), -- who brought it first
    created_at INTEGER NOT NULL DEFAULT 0,
    content    BLOB
) STRICT;

-- Names of files in the folder whose row is gone and that are still to be removed from the disk.
CREATE TABLE doomed_files (
    name BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Uploads, unfinished or complete: what is complete can be shown by messages of its owner's until it
-- expires.
CREATE TABLE uploads (
    id         BLOB NOT NULL PRIMARY KEY,     -- 16 random bytes, which become files.name
    user_id    INTEGER NOT NULL REFERENCES users (id),
    length     INTEGER NOT NULL,              -- bytes announced
    offset     INTEGER NOT NULL,              -- bytes that are on the disk for certain
    name       TEXT,
    type       TEXT,                          -- as the client says
    file_id    INTEGER REFERENCES files (id), -- set once complete
    touched_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    shown_at   INTEGER                        -- when a message, profile or flow showed it first; it counts there then
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_by_user ON uploads (user_id);
CREATE INDEX uploads_by_expiry ON uploads (expires_at);
CREATE INDEX uploads_by_file ON uploads (file_id) WHERE file_id IS NOT NULL;

---------------------------------------------------------------------------------------------------
-- People and their devices
---------------------------------------------------------------------------------------------------

-- People and bots. A deleted account keeps its row, emptied.
CREATE TABLE users (
    id              INTEGER PRIMARY KEY,
    uuid            BLOB NOT NULL UNIQUE,
    login           TEXT NOT NULL,            -- as typed at registration; 'User deleted' afterwards
    login_key       TEXT UNIQUE,              -- folded for comparison; NULL frees it when deleted
    login_skeleton  TEXT,                     -- what the folded form looks like, so that a look-alike is noticed
    login_shape     TEXT,                     -- what the form as typed looks like
    localpart       TEXT NOT NULL UNIQUE,     -- ASCII, never changed, never used again (for other protocols)
    password_hash   TEXT,                     -- Argon2id, PHC text; NULL: nobody can log in
    credentials_version INTEGER NOT NULL DEFAULT 0, -- grows with each new password, suspension and its end
    username        TEXT,
    email           TEXT,
    bio             TEXT,
    avatar_file_id  INTEGER REFERENCES files (id),
    avatar_encoding INTEGER NOT NULL DEFAULT 0, -- as attachments.encoding
    avatar_public_id BLOB,                    -- as attachments.public_id; another after each change
    is_bot          INTEGER NOT NULL DEFAULT 0,
    is_admin        INTEGER NOT NULL DEFAULT 0,
    owner_id        INTEGER REFERENCES users (id), -- of a bot
    flags           INTEGER NOT NULL DEFAULT 0, -- 1: not in the directory; 2: writes for the hooks of one flow
    privacy         INTEGER NOT NULL DEFAULT 0, -- 1: last seen hidden; 2: read marks hidden; 4: asked before being added to flows
    push_content    TEXT,                     -- what a notification may say; NULL: as the server is configured
    quota           INTEGER,                  -- bytes of files; NULL: as configured
    used            INTEGER NOT NULL DEFAULT 0, -- bytes of files that the user attached, forwards left out; counted by triggers
    created_at      INTEGER NOT NULL,
    seen_at         INTEGER,                  -- last here, to the minute
    matrix_at       INTEGER,                  -- first sign-in by Matrix
    suspended_at    INTEGER,
    deleted_at      INTEGER,
    change_position INTEGER NOT NULL DEFAULT 0 -- of the newest row in `changes` about this profile; older ones are passed over
) STRICT;
CREATE INDEX users_by_avatar ON users (avatar_file_id) WHERE avatar_file_id IS NOT NULL;
CREATE INDEX users_by_avatar_id ON users (avatar_public_id) WHERE avatar_public_id IS NOT NULL;
CREATE INDEX users_by_name ON users (username, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_skeleton ON users (login_skeleton) WHERE login_skeleton IS NOT NULL;
CREATE INDEX users_by_shape ON users (login_shape) WHERE login_shape IS NOT NULL;
CREATE INDEX users_hiding ON users (id) WHERE privacy & 1 <> 0; -- when they were last seen: few
CREATE INDEX users_by_owner ON users (owner_id) WHERE owner_id IS NOT NULL;

-- One row per signed-in device or token of a bot. The token itself is not here, only its SHA-256.
CREATE TABLE sessions (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never given again: tickets and clients name it
    user_id       INTEGER NOT NULL REFERENCES users (id),
    token_hash    BLOB NOT NULL UNIQUE,
    kind          INTEGER NOT NULL DEFAULT 0, -- 0 device, 1 token of a bot, 2 Matrix
    scopes        INTEGER NOT NULL DEFAULT 7, -- 1 read, 2 write, 4 manage
    device_id     TEXT,                       -- chosen by a Matrix client
    refresh_hash  BLOB,                       -- SHA-256 of the token that renews this one
    previous_hash BLOB,                       -- of the token before, until the new one is used
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER NOT NULL,           -- renewed at most once in a while, not at every request
    expires_at    INTEGER NOT NULL,
    address       TEXT,                       -- of the client, masked as configured
    label         TEXT                        -- what the device calls itself
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE UNIQUE INDEX sessions_by_device ON sessions (user_id, device_id) WHERE device_id IS NOT NULL;

-- Codes that let somebody register, or join a flow. Only the SHA-256 of a code is kept.
CREATE TABLE invitations (
    id         INTEGER PRIMARY KEY,
    code_hash  BLOB NOT NULL UNIQUE,
    hint       TEXT NOT NULL,                 -- first characters of the code, to tell one from another
    note       TEXT,                          -- whom it is for, in its maker's words
    created_by INTEGER REFERENCES users (id), -- NULL: made on the command line
    created_at INTEGER NOT NULL,
    expires_at INTEGER,                       -- NULL: never
    uses_left  INTEGER NOT NULL,
    flow_id    INTEGER REFERENCES flows (id), -- whoever uses it joins this flow
    revoked_at INTEGER
) STRICT;
CREATE INDEX invitations_by_maker ON invitations (created_by);

-- Links by which somebody sets a new password, one a user. Only the SHA-256 of a code is kept.
CREATE TABLE password_resets (
    user_id    INTEGER NOT NULL PRIMARY KEY REFERENCES users (id),
    code_hash  BLOB NOT NULL UNIQUE,
    created_by INTEGER REFERENCES users (id), -- NULL: made on the command line
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Who has blocked whom.
CREATE TABLE blocks (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    blocked_id INTEGER NOT NULL REFERENCES users (id),
    at         INTEGER NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_by_blocked ON blocks (blocked_id);

-- Archives that people have made of what is theirs: wanted, or complete and kept for a day.
CREATE TABLE exports (
    user_id    INTEGER NOT NULL PRIMARY KEY REFERENCES users (id),
    has_files  INTEGER NOT NULL,              -- 1: with the content of files
    wanted_at  INTEGER NOT NULL,
    file_id    INTEGER REFERENCES files (id), -- NULL: still to be made
    public_id  BLOB UNIQUE,                   -- by which it is fetched
    name       TEXT,                          -- of the archive, as it is saved
    expires_at INTEGER
) STRICT;
CREATE INDEX exports_by_file ON exports (file_id);

-- Where a device is told of messages while no connection is open.
CREATE TABLE push_subscriptions (
    id         INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    user_id    INTEGER NOT NULL REFERENCES users (id),
    endpoint   TEXT NOT NULL UNIQUE,          -- a secret: whoever has it can send, though nothing that can be read
    p256dh     BLOB NOT NULL,                 -- public key of the device, 65 bytes
    auth       BLOB NOT NULL,                 -- 16 bytes
    label      TEXT,
    created_at INTEGER NOT NULL,
    ok_at      INTEGER,                       -- last success
    failures   INTEGER NOT NULL DEFAULT 0,    -- in a row
    next_at    INTEGER NOT NULL DEFAULT 0     -- not tried before
) STRICT;
CREATE INDEX push_by_session ON push_subscriptions (session_id);
CREATE INDEX push_by_user ON push_subscriptions (user_id);

---------------------------------------------------------------------------------------------------
-- Flows and their members
---------------------------------------------------------------------------------------------------

-- Conversations: a chat has two members, in a channel the owner and moderators write, in a group all do.
CREATE TABLE flows (
    id           INTEGER PRIMARY KEY,
    uuid         BLOB NOT NULL UNIQUE,
    kind         TEXT NOT NULL,               -- 'chat', 'channel', 'group'
    title        TEXT,
    info         TEXT,
    owner_id     INTEGER REFERENCES users (id),
    created_by   INTEGER REFERENCES users (id), -- NULL: the operator
    chat_key     TEXT UNIQUE,                 -- 'lower user id:higher user id' of a chat, 'id:id' of saved messages, else NULL
    next_number  INTEGER NOT NULL DEFAULT 0,  -- the number that the flow's next message gets
    first_number INTEGER NOT NULL DEFAULT 0,  -- smaller ones have been removed by retention; clients count from here
    last_message_id INTEGER NOT NULL DEFAULT 0, -- of the newest message
    next_ordinal INTEGER NOT NULL DEFAULT 1,  -- the ordinal that the next member gets
    member_count INTEGER NOT NULL DEFAULT 0,  -- rows of `members` that are 'joined', counted by the triggers below
    flags        INTEGER NOT NULL DEFAULT 0,  -- 1: protected; 2: only owner and moderators pin; 4: saved messages
    expire       INTEGER NOT NULL DEFAULT 0,  -- seconds after which a new message disappears; 0: never
    picture_file_id   INTEGER REFERENCES files (id),
    picture_encoding  INTEGER NOT NULL DEFAULT 0, -- as attachments.encoding
    picture_public_id BLOB,                   -- as attachments.public_id; another after each change
    join_rule    TEXT,                        -- Matrix: 'invite' (NULL), 'public'
    power_levels TEXT,                        -- Matrix: content of m.room.power_levels; NULL: as the kind implies
    is_published INTEGER NOT NULL DEFAULT 0,  -- Matrix: in the directory of rooms
    is_encrypted INTEGER NOT NULL DEFAULT 0,  -- Matrix: end to end, for ever
    created_at   INTEGER NOT NULL,
    removed_at   INTEGER                      -- set when the owner or an administrator ended the flow
) STRICT;
CREATE INDEX flows_by_maker ON flows (created_by, created_at);
CREATE INDEX flows_by_owner ON flows (owner_id);
CREATE INDEX flows_by_picture ON flows (picture_file_id) WHERE picture_file_id IS NOT NULL;
CREATE INDEX flows_by_picture_id ON flows (picture_public_id) WHERE picture_public_id IS NOT NULL;

-- Who is, was, or is invited to be in a flow.
CREATE TABLE members (
    flow_id     INTEGER NOT NULL REFERENCES flows (id),
    user_id     INTEGER NOT NULL REFERENCES users (id),
    state       TEXT NOT NULL,                -- 'joined', 'left', 'invited', 'banned'
    level       INTEGER NOT NULL DEFAULT 0,   -- 0 member, 50 moderator, 100 owner
    ordinal     INTEGER NOT NULL,             -- order of joining within the flow
    joined_at   INTEGER NOT NULL,             -- of who is invited: when that was
    left_at     INTEGER,
    changed_by  INTEGER REFERENCES users (id), -- who added, invited, removed or banned; NULL: the operator
    since_position INTEGER NOT NULL DEFAULT 0, -- where the present state begins in the log
    until_position INTEGER,                   -- of who left: what was before can have been read
    forgotten_at INTEGER,                     -- Matrix: no longer listed
    read_number INTEGER,                      -- last message that the user has read; NULL: none
    read_at     INTEGER,                      -- when the mark moved last
    muted_until INTEGER NOT NULL DEFAULT 0,   -- second; 0 not muted, -1 always
    settings_position INTEGER,                -- of the only row in `changes` about the settings
    aside_number INTEGER,                     -- when it was archived or hidden, the number that the next message gets: that one brings it back
    settings    INTEGER NOT NULL DEFAULT 0,   -- 1: mentions only; 2: archived; 4: marked unread; 8: hidden; bits 8 to 11: rank of the pin
    PRIMARY KEY (flow_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user_id, state, flow_id);
CREATE INDEX members_by_level ON members (flow_id, state, level DESC, ordinal);

---------------------------------------------------------------------------------------------------
-- Messages
---------------------------------------------------------------------------------------------------

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
    slots      INTEGER NOT NULL DEFAULT 0,    -- bit n: an attachment of kind n; 11: it is or was pinned; 12: it mentions everyone;
                                              -- 13: an answer, mentions, a forward, markup or a timer; 14: it expired; 15: reactions or a poll
    logged_at  INTEGER,                       -- when it entered the log, where that is not sent_at (a clock set back, an import)
    edited_at  INTEGER,
    deleted_at INTEGER,                       -- text and files are gone; text says so
    change_position INTEGER,                  -- of the newest row in `changes` that edits or deletes it; older ones are passed over
    around_position INTEGER,                  -- of the only row in `changes` about its reactions and its poll
    edits      INTEGER,                       -- how often it was edited; NULL: never
    reply_to_id INTEGER,                      -- message of the same flow; may have been removed since
    forward_user_id INTEGER REFERENCES users (id), -- first author, if here
    forward    TEXT,                          -- JSON {name, time} of the first author
    format     INTEGER,                       -- 1: the text is markup; NULL: plain
    extra      TEXT,                          -- JSON {reply: uuid of the message that it answers, preview, bot: who a hook says that writes, push: 0 silent or 2 loud,
                                              -- group: how the alerts stand that it tells of, answer: whether the receiver of an outgoing hook says it}: only what nothing is looked up by
    expires_at INTEGER                        -- when it is deleted by itself; NULL: never
) STRICT;
CREATE UNIQUE INDEX messages_by_number ON messages (flow_id, number);
CREATE INDEX messages_deleted ON messages (flow_id, number) WHERE deleted_at IS NOT NULL; -- not unread, so they are subtracted
CREATE INDEX messages_to_everyone ON messages (flow_id, number) WHERE slots & 4096 <> 0;
CREATE INDEX messages_with_files ON messages (flow_id, number) WHERE slots & 255 <> 0;
CREATE INDEX messages_by_expiry ON messages (expires_at) WHERE expires_at IS NOT NULL;

-- Which files a message shows, and as what.
CREATE TABLE attachments (
    message_id INTEGER NOT NULL REFERENCES messages (id),
    ordinal    INTEGER NOT NULL,              -- order within the message; never given again within it
    kind       INTEGER NOT NULL,              -- 0 picture, 1 video, 2 audio, 3 document, 4 sticker (MTP: emoji), 5 voice
    file_id    INTEGER NOT NULL REFERENCES files (id),
    encoding   INTEGER NOT NULL,              -- 0: content is the text that the client sent; 1: it goes out as base64
    public_id  BLOB NOT NULL UNIQUE DEFAULT (randomblob(16)), -- says nothing of the content
    name       TEXT,
    type       TEXT,                          -- media type that it is served as; NULL: as files.type
    width      INTEGER,                       -- pixels
    height     INTEGER,
    duration   INTEGER,                       -- milliseconds
    blurhash   TEXT,
    waveform   BLOB,                          -- at most 100 peaks, a byte each
    thumb_file_id INTEGER REFERENCES files (id),
    thumb_public_id BLOB UNIQUE,
    thumb_width INTEGER,
    thumb_height INTEGER,
    PRIMARY KEY (message_id, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachments_by_file ON attachments (file_id);
CREATE INDEX attachments_by_thumb ON attachments (thumb_file_id) WHERE thumb_file_id IS NOT NULL;

-- Whom a message mentions by name; a mention of everyone is a bit of messages.slots.
CREATE TABLE mentions (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    flow_id    INTEGER NOT NULL,
    number     INTEGER NOT NULL,              -- of the message in its flow
    message_id INTEGER NOT NULL REFERENCES messages (id),
    PRIMARY KEY (user_id, flow_id, number, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mentions_by_message ON mentions (message_id);

CREATE TABLE reactions (
    message_id INTEGER NOT NULL REFERENCES messages (id),
    emoji      TEXT NOT NULL,
    user_id    INTEGER NOT NULL REFERENCES users (id),
    position   INTEGER NOT NULL,              -- in the log: the order of reacting
    uuid       BLOB NOT NULL DEFAULT (randomblob(16)), -- for protocols where a reaction is an event
    PRIMARY KEY (message_id, emoji, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reactions_by_user ON reactions (user_id);

-- Messages whose reactions or poll changed again before a second had passed: who listens is told of
-- all of it in a moment.
CREATE TABLE untold_messages (
    message_id INTEGER NOT NULL PRIMARY KEY REFERENCES messages (id)
) STRICT;

CREATE TABLE pins (
    flow_id    INTEGER NOT NULL REFERENCES flows (id),
    message_id INTEGER NOT NULL REFERENCES messages (id),
    user_id    INTEGER NOT NULL REFERENCES users (id), -- who pinned
    at         INTEGER NOT NULL,
    PRIMARY KEY (flow_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pins_by_message ON pins (message_id);

CREATE TABLE polls (
    message_id INTEGER NOT NULL PRIMARY KEY REFERENCES messages (id),
    question   TEXT NOT NULL,
    options    TEXT NOT NULL,                 -- JSON list of texts
    flags      INTEGER NOT NULL,              -- 1: several answers; 2: anonymous
    closed_at  INTEGER
) STRICT;

CREATE TABLE votes (
    message_id INTEGER NOT NULL REFERENCES polls (message_id),
    user_id    INTEGER NOT NULL REFERENCES users (id),
    option     INTEGER NOT NULL,              -- index into polls.options
    PRIMARY KEY (message_id, user_id, option)
) STRICT, WITHOUT ROWID;

---------------------------------------------------------------------------------------------------
-- The log
---------------------------------------------------------------------------------------------------

-- What happened, in commit order, never altered. Its rows and those of `messages` share one
-- sequence, the position, which is the cursor of everything that follows what happens: a message
-- that was sent is its own row of the log. `properties.position_floor` keeps positions from being
-- given again when the newest messages are removed.
CREATE TABLE changes (
    position   INTEGER PRIMARY KEY,           -- server-wide sequence, grows by one
    at         INTEGER NOT NULL,              -- milliseconds; never smaller than what came before, even if the clock was
    audience   INTEGER NOT NULL,              -- 0: every user; n: members of flow n; -n: user n alone
    kind       INTEGER NOT NULL,              -- see below
    actor_id   INTEGER REFERENCES users (id), -- who did it; NULL: the operator or the server itself
    flow_id    INTEGER,
    message_id INTEGER,
    user_id    INTEGER,                       -- whom it is about: who was added, whose profile, …
    number     INTEGER,                       -- of events of a flow: of the message that it follows, -1 before the first
    uuid       BLOB,                          -- of events of a flow: public id
    body       TEXT                           -- of events of a flow: the new title, level, seconds, …
) STRICT;
-- Kinds:    2 message edited, 3 deleted or expired, 4 reactions changed, 5 poll changed
--   events of a flow, shown between its messages:
--          10 made, 11 title, 12 info, 13 picture, 14 added, 15 joined, 16 left, 17 removed, 18 invited,
--          19 declined, 20 banned, 21 level, 22 owner, 23 expire, 24 protect, 25 pinned, 26 unpinned
--          30 flow changed in a way that is no event, 31 so that only some protocols show it
--          40 user registered, 41 changed the profile
--   to one user alone:
--          50 own read mark moved, 51 no longer in flow_id, 52 settings of flow_id, 53 account, 54 blocked list,
--          55 invited to flow_id, 56 came back to flow_id, 57 no longer invited to flow_id,
--          58 the archive that was wanted is there, or cannot be had
CREATE INDEX changes_by_audience ON changes (audience); -- and position, which every index ends with
CREATE INDEX changes_by_place ON changes (flow_id, number, position) WHERE number IS NOT NULL;

-- Requests that carried a `txn`, so that a repetition is answered and not done again.
CREATE TABLE txns (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    scope      TEXT NOT NULL,                 -- '' of MTP: every session of the account; else what the text is unique within
    txn        TEXT NOT NULL,                 -- made by the client
    message_id INTEGER,                       -- what the first request made
    flow_id    INTEGER,
    client_id  INTEGER,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, scope, txn)
) STRICT, WITHOUT ROWID;
CREATE INDEX txns_by_expiry ON txns (expires_at);

---------------------------------------------------------------------------------------------------
-- Bots and hooks
---------------------------------------------------------------------------------------------------

-- What people can type after "/" to a bot.
CREATE TABLE bot_commands (
    bot_id      INTEGER NOT NULL REFERENCES users (id),
    ordinal     INTEGER NOT NULL,
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (bot_id, ordinal)
) STRICT, WITHOUT ROWID;

-- Addresses to which others post what becomes a message. Only the SHA-256 of the secret is kept.
CREATE TABLE hooks (
    id          INTEGER PRIMARY KEY,
    secret_hash BLOB NOT NULL UNIQUE,
    hint        TEXT NOT NULL,                -- first characters of the secret
    flow_id     INTEGER NOT NULL REFERENCES flows (id),
    bot_id      INTEGER NOT NULL REFERENCES users (id), -- who writes
    made_by     INTEGER REFERENCES users (id), -- NULL: the operator
    name        TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    used_at     INTEGER,
    uses        INTEGER NOT NULL DEFAULT 0,
    revoked_at  INTEGER
) STRICT;
CREATE INDEX hooks_by_flow ON hooks (flow_id);
CREATE INDEX hooks_by_bot ON hooks (bot_id);

-- Addresses to which what happens in a flow is posted, in order, from a position on.
CREATE TABLE outgoing (
    id          INTEGER PRIMARY KEY,
    flow_id     INTEGER REFERENCES flows (id), -- NULL: every flow of the bot
    bot_id      INTEGER NOT NULL REFERENCES users (id),
    url         TEXT NOT NULL,
    secret      BLOB NOT NULL,                -- signs what is posted
    events      INTEGER NOT NULL,             -- bits: 1 message, 2 edit, 4 deletion, 8 join and leave, 16 reaction
    flags       INTEGER NOT NULL DEFAULT 0,   -- 1: what other bots write too
    trigger     TEXT,                         -- only messages that begin with it
    position    INTEGER NOT NULL,             -- everything up to here is delivered
    failures    INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER NOT NULL DEFAULT 0,
    made_by     INTEGER REFERENCES users (id), -- NULL: the operator
    disabled_at INTEGER
) STRICT;
CREATE INDEX outgoing_by_flow ON outgoing (flow_id);
CREATE INDEX outgoing_by_bot ON outgoing (bot_id);

---------------------------------------------------------------------------------------------------
-- References to files are counted here, so that no writer can forget to.
---------------------------------------------------------------------------------------------------

CREATE TRIGGER files_unused AFTER UPDATE OF reference_count ON files WHEN NEW.reference_count <= 0 BEGIN
    DELETE FROM files WHERE id = NEW.id;
END;
CREATE TRIGGER files_removed AFTER DELETE ON files WHEN OLD.place = 1 BEGIN
    INSERT OR IGNORE INTO doomed_files (name) VALUES (OLD.name);
END;
CREATE TRIGGER attachments_added AFTER INSERT ON attachments BEGIN
    UPDATE users SET used = used + (SELECT size FROM files WHERE id = NEW.file_id)
    WHERE id = (SELECT author_id FROM messages WHERE id = NEW.message_id AND forward IS NULL);
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.file_id;
END;
-- A message loses its attachments before it forgets that it was forwarded.
CREATE TRIGGER attachments_removed AFTER DELETE ON attachments BEGIN
    UPDATE users SET used = used - (SELECT size FROM files WHERE id = OLD.file_id)
    WHERE id = (SELECT author_id FROM messages WHERE id = OLD.message_id AND forward IS NULL);
    UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.file_id;
END;
CREATE TRIGGER thumbnails_added AFTER INSERT ON attachments WHEN NEW.thumb_file_id IS NOT NULL BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.thumb_file_id;
END;
CREATE TRIGGER thumbnails_removed AFTER DELETE ON attachments WHEN OLD.thumb_file_id IS NOT NULL BEGIN
    UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.thumb_file_id;
END;
CREATE TRIGGER avatars_added AFTER INSERT ON users WHEN NEW.avatar_file_id IS NOT NULL BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.avatar_file_id;
END;
CREATE TRIGGER avatars_changed AFTER UPDATE OF avatar_file_id ON users
WHEN NEW.avatar_file_id IS NOT OLD.avatar_file_id BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.avatar_file_id;
    UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.avatar_file_id;
END;
CREATE TRIGGER pictures_added AFTER INSERT ON flows WHEN NEW.picture_file_id IS NOT NULL BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.picture_file_id;
END;
CREATE TRIGGER pictures_changed AFTER UPDATE OF picture_file_id ON flows
WHEN NEW.picture_file_id IS NOT OLD.picture_file_id BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.picture_file_id;
    UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.picture_file_id;
END;
CREATE TRIGGER uploads_added AFTER INSERT ON uploads WHEN NEW.file_id IS NOT NULL BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.file_id;
END;
CREATE TRIGGER uploads_completed AFTER UPDATE OF file_id ON uploads WHEN NEW.file_id IS NOT OLD.file_id BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.file_id;
    UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.file_id;
END;
CREATE TRIGGER uploads_removed AFTER DELETE ON uploads WHEN OLD.file_id IS NOT NULL BEGIN
    UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.file_id;
END;
CREATE TRIGGER exports_made AFTER UPDATE OF file_id ON exports WHEN OLD.file_id IS NULL AND NEW.file_id IS NOT NULL BEGIN
    UPDATE files SET reference_count = reference_count + 1 WHERE id = NEW.file_id;
END;
CREATE TRIGGER exports_removed AFTER DELETE ON exports WHEN OLD.file_id IS NOT NULL BEGIN
    UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.file_id;
END;

---------------------------------------------------------------------------------------------------
-- Members are counted here for the same reason.
---------------------------------------------------------------------------------------------------

CREATE TRIGGER members_added AFTER INSERT ON members WHEN NEW.state = 'joined' BEGIN
    UPDATE flows SET member_count = member_count + 1 WHERE id = NEW.flow_id;
END;
CREATE TRIGGER members_changed AFTER UPDATE OF state ON members
WHEN (NEW.state = 'joined') <> (OLD.state = 'joined') BEGIN
    UPDATE flows SET member_count = member_count + iif(NEW.state = 'joined', 1, -1) WHERE id = NEW.flow_id;
END;
CREATE TRIGGER members_removed AFTER DELETE ON members WHEN OLD.state = 'joined' BEGIN
    UPDATE flows SET member_count = member_count - 1 WHERE id = OLD.flow_id;
END;

---------------------------------------------------------------------------------------------------
-- Search: derived from messages, and made anew when it is damaged
---------------------------------------------------------------------------------------------------

-- Full-text index over messages. It is derived: made by the program from what is above, and made anew
-- when it is damaged. `rowid` is messages.id. Each term is a flow and a folded word of its messages,
-- so that a search costs what its own flows hold; the program cuts and folds, the tokenizer only
-- splits at blanks. It keeps which messages have a term, and neither where in them nor their text.
CREATE VIRTUAL TABLE message_search USING fts5 (
    terms, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
);
-- Deleted words leave the index at once instead of with some later merge.
INSERT INTO message_search (message_search, rank) VALUES ('secure-delete', 1);

-- Messages that the index knows by other words than they have now, until it learns better in a moment.
CREATE TABLE message_search_outdated (
    message_id INTEGER PRIMARY KEY,
    terms      TEXT NOT NULL                  -- as they are in the index
) STRICT;

INSERT INTO properties (name, value) VALUES
    ('indexed_message_id', 0),                -- the last message in it; later ones wait for a quiet moment
    ('search_target_id', 0),                  -- the last message that has to be in it before it is asked
    ('search_version', 1);                    -- how words were cut; absent: it has to be made anew
