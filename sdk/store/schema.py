"""The store's tables, and how an older file becomes a newer one.

A version is the number of migrations that a file went through, kept in SQLite's own ``user_version``.
"""

APPLICATION_ID = 0x50686B79  # "Phky", in the file's head: tells a store from other SQLite files

# 1: what was sent, and decoys. A transmission is known by a code of its input (an HMAC under the device's
#    secret), never by the input. A decoy is used up once `taken_by` has such a code.
#    `turn` is a random number from packing: decoys are taken in its order, or a folder that is sorted by
#    class would hide one class among another.
_FIRST = """
CREATE TABLE transmissions (
    code BLOB PRIMARY KEY,
    nats REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE decoys (
    id INTEGER PRIMARY KEY,
    fingerprint BLOB NOT NULL UNIQUE,
    turn INTEGER NOT NULL,
    pixels BLOB NOT NULL,
    taken_by BLOB,
    place INTEGER
);
CREATE INDEX decoys_by_turn ON decoys (taken_by, turn);
CREATE TABLE image (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    height INTEGER NOT NULL,
    width INTEGER NOT NULL,
    channels INTEGER NOT NULL
);
"""

# 2: bursts, whose frames hide the frames of one film, and features that were encoded ahead.
_SECOND = """
ALTER TABLE decoys ADD COLUMN burst INTEGER;
ALTER TABLE decoys ADD COLUMN frame INTEGER;
CREATE INDEX decoys_by_burst ON decoys (burst, frame);
CREATE TABLE bursts (
    id INTEGER PRIMARY KEY,
    turn INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    film INTEGER,
    place INTEGER
);
CREATE TABLE films (
    id INTEGER PRIMARY KEY,
    seed BLOB NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0
);
ALTER TABLE transmissions ADD COLUMN film INTEGER;
CREATE TABLE features (
    decoy INTEGER NOT NULL,
    encoder BLOB NOT NULL,
    feature BLOB NOT NULL,
    PRIMARY KEY (decoy, encoder)
) WITHOUT ROWID;
"""

# 3: crowds. The rows of one are inputs, which are not kept: what was sent is, and the cloud has it anyway.
_THIRD = """
CREATE TABLE crowds (
    code BLOB PRIMARY KEY,
    x BLOB NOT NULL
);
ALTER TABLE transmissions ADD COLUMN crowd BLOB;
ALTER TABLE transmissions ADD COLUMN place INTEGER;
"""

MIGRATIONS = (_FIRST, _SECOND, _THIRD)
VERSION = len(MIGRATIONS)
