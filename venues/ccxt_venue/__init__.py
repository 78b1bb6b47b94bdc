"""Any exchange that ccxt speaks with, as a counterparty: Spot, one account.

ccxt signs, words the requests and reads the answers; the requests themselves go out through the router's own
transport, so that one that was refused, one that never left and one that was lost are told apart by what
happened on the wire, and not by the name of an exception. ccxt runs in a thread of its own with a loop of its
own (`worker`): reading a list of markets or a deep book holds an event loop for longer than a competition.

    library    the import, which is late: the library is an extra, and takes seconds to load
    exchanges  what is known of which exchange, and whether it can be traded on safely
    worker     the thread
    wire       ccxt's `fetch`, over the router's transport: the evidence
    judging    an exception and the evidence → refused, never sent, in doubt
    parse      ccxt's structures → the core's, every amount from text
    remote     what is asked of the exchange, in the thread
    client     budget, record and health around it, in the router's loop
"""
