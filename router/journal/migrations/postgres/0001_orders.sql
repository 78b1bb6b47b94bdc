-- Routers that are at work. The row of one that was found past its lease is deleted by whoever found it: from
-- then on that router cannot write. `writes` counts its transactions: read back, it tells whether the last one
-- was committed. Times here are the database's own clock.
CREATE TABLE routers (
  id text COLLATE "C" PRIMARY KEY,
  epoch bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  lease_until timestamptz NOT NULL,
  writes bigint NOT NULL DEFAULT 0
);

-- Orders as they stand, and the events that made them. `doc` holds the whole record as JSON (codec.py), with
-- every digit and scale of every amount; the columns beside it are what is looked for. Times are nanoseconds
-- since the epoch. `owner` and `owner_epoch` name the router that may append: nobody's, if it is not in routers.
-- The collation is that of bytes: the list is in the same order on every machine.
CREATE TABLE orders (
  id text COLLATE "C" PRIMARY KEY,
  client_order_id text COLLATE "C" NOT NULL UNIQUE,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  status text NOT NULL,
  phase text NOT NULL,
  final boolean NOT NULL,
  connection_id text,
  product text NOT NULL,
  seq integer NOT NULL DEFAULT 0,
  owner text COLLATE "C",
  owner_epoch bigint,
  doc bytea NOT NULL
);

-- The list, newest first.
CREATE INDEX orders_by_time ON orders (created_at, id);

-- What may have to be taken over: few rows, however many orders there are.
CREATE INDEX orders_open ON orders (created_at, id) WHERE NOT final;

-- `seq` counts an order's events from 1.
CREATE TABLE order_events (
  order_id text COLLATE "C" NOT NULL REFERENCES orders (id),
  seq integer NOT NULL,
  at bigint NOT NULL,
  event bytea NOT NULL,
  PRIMARY KEY (order_id, seq)
);

-- What orders in flight may still take of a balance. Text, so that no digit and no scale is lost; the sums are
-- made where all sums are (router/core/money.py).
CREATE TABLE reservations (
  order_id text COLLATE "C" PRIMARY KEY REFERENCES orders (id),
  connection_id text COLLATE "C" NOT NULL,
  asset text COLLATE "C" NOT NULL,
  amount text NOT NULL,
  router_id text COLLATE "C" NOT NULL,
  acknowledged_at bigint
);

CREATE INDEX reservations_by_balance ON reservations (connection_id, asset);

-- No reference to orders: a competition may be kept before its order is.
CREATE TABLE competitions (
  id text COLLATE "C" PRIMARY KEY,
  order_id text,
  doc bytea NOT NULL
);

CREATE INDEX competitions_by_order ON competitions (order_id) WHERE order_id IS NOT NULL;

CREATE TABLE rfqs (
  id text COLLATE "C" PRIMARY KEY,
  doc bytea NOT NULL
);
