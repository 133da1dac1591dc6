"""Backups: a dump of the database and what the bucket held, and the way back.

A backup is a folder named by its time (UTC). `objects/` beside it holds copies, named by their
sha256, which backups share:

    ROOT/20261123T120000Z/backup.json      what this is, and the checksums of the two below
    ROOT/20261123T120000Z/database.dump    pg_dump, custom format
    ROOT/20261123T120000Z/objects.jsonl    a line per object: key, size_bytes, sha256, copied
    ROOT/objects/ab/ab12…                  the bytes

The database is dumped first, the bucket listed afterwards: whatever a dumped row names was stored
before the row was written, so it is in the list unless it was deleted in between.
"""
