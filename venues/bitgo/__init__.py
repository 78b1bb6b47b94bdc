"""BitGo Prime: Spot accounts (`funded`) and Post Trade Settlement accounts (`margin`) over one wire.

The published OpenAPI description is the authority on REST; the WebSocket feed is documented in prose only.
Both are read leniently (unknown fields, old and new forms), and amounts and times strictly.
"""
