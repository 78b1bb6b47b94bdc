"""What an order costs as connections, products, books, open orders and the journal grow; start-up too."""
