"""Coinbase Prime: firm quotes on request, orders, balances and the post-trade credit line, over REST.

Source of every fact: Coinbase's public Prime documentation and API description, read in 2026.
"""
