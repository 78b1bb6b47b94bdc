"""HTTP/1.1 for what is on an order's path: one request, once, and whether any of it left us is known.

    request      a request as bytes, joined to a head that was prepared once
    head         the head of an answer: its grammar, and how its body is framed
    answer       an answer out of bytes, however they were split (pure)
    connection   one socket with one request in flight
    dial         a socket to a counterparty, and TLS
    pool         the sockets of one account, some of them kept warm

What comes back is taken strictly: whatever could be read in two ways is no answer, and the order is in doubt.
"""
