"""What SQLite itself takes for the rows of an import: bench/import-floor.py DATABASE

Writes the contacts of a database, and the words they are found by, into the same two tables with the same indexes in an empty file: by one
prepared statement each, 500 contacts a transaction, durable as Dripline's (WAL, synchronous=FULL). No file is read, no phone checked, nobody else
is served. Prints the seconds that the transactions took; what is read of DATABASE between them is not counted.
"""

import itertools
import os
import sqlite3
import sys
import tempfile
import time

CHUNK = 500

source = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
schema = source.execute(
    "SELECT sql FROM sqlite_master WHERE tbl_name IN ('contacts', 'contact_words') AND sql IS NOT NULL ORDER BY type = 'index'"
).fetchall()
with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(sys.argv[1]))) as folder:
    target = sqlite3.connect(os.path.join(folder, "floor.db"), isolation_level=None)
    for pragma in ["journal_mode = WAL", "synchronous = FULL", "cache_size = -65536", "wal_autocheckpoint = 8192"]:
        target.execute(f"PRAGMA {pragma}")
    for (sql,) in schema:
        target.execute(sql)
    contacts = source.execute("SELECT * FROM contacts ORDER BY workspace_id, contact_id")
    marks = ", ".join("?" * len(contacts.description))
    words = source.cursor().execute("SELECT workspace_id, word, contact_id FROM contact_words ORDER BY workspace_id, contact_id")
    words_of = itertools.groupby(words, key=lambda row: (row[0], row[2]))
    rows, took = 0, 0.0
    held = next(words_of, None)
    while chunk := contacts.fetchmany(CHUNK):
        keys = []
        for contact in chunk:
            if held is not None and held[0] == contact[:2]:
                keys.extend(held[1])
                held = next(words_of, None)
        keys.sort()
        chunk.sort(key=lambda contact: contact[2])
        begun = time.perf_counter()
        target.execute("BEGIN IMMEDIATE")
        target.executemany(f"INSERT INTO contacts VALUES ({marks})", chunk)
        target.executemany("INSERT INTO contact_words VALUES (?, ?, ?)", keys)
        target.execute("COMMIT")
        took += time.perf_counter() - begun
        rows += len(chunk)
    if target.execute("SELECT COUNT(*) FROM contact_words").fetchone() != source.execute("SELECT COUNT(*) FROM contact_words").fetchone():
        sys.exit("bench/import-floor.py: not every word was written")
    print(f"{took:.1f} {rows}")
