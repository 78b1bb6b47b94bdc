-- What an order was executed under at a counterparty that had refused it, after it went on to another one.
CREATE TABLE attempts_at_venue (
  connection_id text COLLATE "C" NOT NULL,
  venue_order_id text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL REFERENCES orders (id),
  PRIMARY KEY (connection_id, venue_order_id)
);
