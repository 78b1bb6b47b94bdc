-- An order is the document that it was accepted with, and the events since: what it is now is read from both
-- (sqlite_reads.py). So an event costs a row, and not the whole document anew.
--
-- `n` counts the orders of the file. An event's `key` is its order's `n` times 1048576 plus its number, from 1:
-- an order's events stand together, in their order, without an index. `doc` is the order as of the event `seq`.
-- `stage` is 0 for an order in flight, whose row says nothing that its events changed; 1 for one that rests at
-- its counterparty, 2 for a final one: there all columns are those of now.
CREATE TABLE orders_folded (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  client_order_id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  stage INTEGER NOT NULL CHECK (stage IN (0, 1, 2)),
  connection_id TEXT,
  venue_order_id TEXT,
  seq INTEGER NOT NULL,
  doc BLOB NOT NULL
);

CREATE TABLE events_folded (
  key INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  event BLOB NOT NULL
);

INSERT INTO orders_folded
SELECT
  rowid, id, client_order_id, created_at, updated_at,
  CASE
    WHEN final THEN 2
    WHEN phase = 'working'
      AND json_extract(CAST(doc AS TEXT), '$.attempts[#-1].outbound.time_in_force') IN ('GTC', 'GTD') THEN 1
    ELSE 0
  END,
  connection_id, venue_order_id,
  COALESCE((SELECT MAX(seq) FROM order_events WHERE order_id = orders.id), 0), doc
FROM orders ORDER BY rowid;

INSERT INTO events_folded
SELECT o.rowid * 1048576 + e.seq, e.at, e.event
FROM orders o JOIN order_events e ON e.order_id = o.id ORDER BY o.rowid, e.seq;

CREATE TABLE attempts_folded (
  connection_id TEXT NOT NULL,
  venue_order_id TEXT NOT NULL,
  order_id TEXT NOT NULL REFERENCES orders_folded (id),
  PRIMARY KEY (connection_id, venue_order_id)
) WITHOUT ROWID;

INSERT INTO attempts_folded SELECT connection_id, venue_order_id, order_id FROM attempts_at_venue;

DROP TABLE attempts_at_venue;

DROP TABLE order_events;

DROP TABLE orders;

ALTER TABLE orders_folded RENAME TO orders;

ALTER TABLE events_folded RENAME TO order_events;

ALTER TABLE attempts_folded RENAME TO attempts_at_venue;

-- The list, newest first.
CREATE INDEX orders_by_time ON orders (created_at, id);

-- What a start has to look up, and what is in flight: few rows, however many orders there are.
CREATE INDEX orders_open ON orders (stage, created_at, id) WHERE stage < 2;

CREATE INDEX orders_at_venue ON orders (connection_id, venue_order_id) WHERE venue_order_id IS NOT NULL;

CREATE INDEX orders_by_connection ON orders (connection_id, created_at, id) WHERE connection_id IS NOT NULL;

-- Nothing is looked for by it: an order has its competition's id.
DROP INDEX competitions_by_order;
