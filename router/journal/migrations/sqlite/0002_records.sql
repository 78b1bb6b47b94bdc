-- Where an order stands at its counterparty: reports ask which of the counterparty's orders are ours.
ALTER TABLE orders ADD COLUMN venue_order_id TEXT;

UPDATE orders SET venue_order_id = json_extract(CAST(doc AS TEXT), '$.venue_order_id');

CREATE INDEX orders_at_venue ON orders (connection_id, venue_order_id) WHERE venue_order_id IS NOT NULL;

CREATE INDEX orders_by_connection ON orders (connection_id, created_at, id) WHERE connection_id IS NOT NULL;

-- Connections that people made; `credentials` are sealed (router/vault.py).
CREATE TABLE connections (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  doc BLOB NOT NULL,
  credentials BLOB,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

-- Moves of margin money, each state of them with the event that led to it; state 0 is the accepted move.
CREATE TABLE moves (
  id TEXT NOT NULL PRIMARY KEY,
  connection_id TEXT NOT NULL,
  key TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  final INTEGER NOT NULL CHECK (final IN (0, 1)),
  UNIQUE (connection_id, key)
);

CREATE INDEX moves_by_time ON moves (connection_id, created_at, id);

CREATE INDEX moves_open ON moves (created_at, id) WHERE final = 0;

CREATE TABLE move_states (
  move_id TEXT NOT NULL REFERENCES moves (id),
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  event BLOB,
  doc BLOB NOT NULL,
  PRIMARY KEY (move_id, seq)
);
