-- Where an order stands at its counterparty: reports ask which of the counterparty's orders are ours.
ALTER TABLE orders ADD COLUMN venue_order_id text COLLATE "C";

UPDATE orders SET venue_order_id = convert_from(doc, 'UTF8')::json ->> 'venue_order_id';

CREATE INDEX orders_at_venue ON orders (connection_id, venue_order_id) WHERE venue_order_id IS NOT NULL;

CREATE INDEX orders_by_connection ON orders (connection_id, created_at, id) WHERE connection_id IS NOT NULL;

-- Connections that people made; `credentials` are sealed (router/vault.py).
CREATE TABLE connections (
  id text COLLATE "C" PRIMARY KEY,
  version integer NOT NULL,
  doc bytea NOT NULL,
  credentials bytea,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL
);

-- Moves of margin money, each state of them with the event that led to it; state 0 is the accepted move.
-- `owner` as in orders.
CREATE TABLE moves (
  id text COLLATE "C" PRIMARY KEY,
  connection_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  final boolean NOT NULL,
  owner text COLLATE "C",
  owner_epoch bigint,
  UNIQUE (connection_id, key)
);

CREATE INDEX moves_by_time ON moves (connection_id, created_at, id);

CREATE INDEX moves_open ON moves (created_at, id) WHERE NOT final;

CREATE TABLE move_states (
  move_id text COLLATE "C" NOT NULL REFERENCES moves (id),
  seq integer NOT NULL,
  at bigint NOT NULL,
  event bytea,
  doc bytea NOT NULL,
  PRIMARY KEY (move_id, seq)
);
