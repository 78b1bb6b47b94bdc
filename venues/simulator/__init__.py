"""Simulated BitGo Prime counterparties: real HTTP, real WebSocket, a process of their own.

The simulator is a second, independent reading of the counterparty's published wire.  It shares no code with
the router nor with the adapters that it checks, so a misreading on one side is seen by the other.  Given the
same settings and seed it shows the same books and hands out the same ids; what goes wrong, and when, is
decided by faults that a test sets over a control endpoint.

`venues.simulator.main.serve` runs it as a process, `venues.simulator.app.Simulator` embeds it in a test.
"""
