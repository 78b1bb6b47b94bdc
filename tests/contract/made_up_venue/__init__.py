"""Tern: a counterparty that does not exist. Its adapter follows docs/adding-a-counterparty.md step by step.

Its wire: JSON over HTTP, `Authorization: Bearer`, amounts as decimal strings, symbols as `BTC/USD`. A book is
asked for; an order is answered with how it stands and found again by the reference that came with it.
"""
