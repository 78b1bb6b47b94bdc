-- What an order was executed under at a counterparty that had refused it, after it went on to another one.
CREATE TABLE attempts_at_venue (
  connection_id TEXT NOT NULL,
  venue_order_id TEXT NOT NULL,
  order_id TEXT NOT NULL REFERENCES orders (id),
  PRIMARY KEY (connection_id, venue_order_id)
) WITHOUT ROWID;
