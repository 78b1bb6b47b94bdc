-- Orders as they stand, and the events that made them. `doc` holds the whole record as JSON (codec.py); the
-- columns beside it are what is looked for. Times are nanoseconds since the epoch.
CREATE TABLE orders (
  id TEXT NOT NULL PRIMARY KEY,
  client_order_id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  status TEXT NOT NULL,
  phase TEXT NOT NULL,
  final INTEGER NOT NULL CHECK (final IN (0, 1)),
  connection_id TEXT,
  product TEXT NOT NULL,
  doc BLOB NOT NULL
);

-- The list, newest first.
CREATE INDEX orders_by_time ON orders (created_at, id);

-- What a start has to look up: few rows, however many orders there are.
CREATE INDEX orders_open ON orders (created_at, id) WHERE final = 0;

CREATE TABLE order_events (
  order_id TEXT NOT NULL REFERENCES orders (id),
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  event BLOB NOT NULL,
  PRIMARY KEY (order_id, seq)
);

-- No reference to orders: a competition may be kept before its order is.
CREATE TABLE competitions (
  id TEXT NOT NULL PRIMARY KEY,
  order_id TEXT,
  doc BLOB NOT NULL
);

CREATE INDEX competitions_by_order ON competitions (order_id) WHERE order_id IS NOT NULL;

CREATE TABLE rfqs (
  id TEXT NOT NULL PRIMARY KEY,
  doc BLOB NOT NULL
);

-- Written by the readiness check: the only way to know that a write would go through is to make one.
CREATE TABLE probes (
  id INTEGER PRIMARY KEY,
  doc BLOB NOT NULL
);
