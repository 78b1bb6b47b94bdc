"""Simulated Coinbase Prime: portfolios that hold a price when they are asked for one, and that take orders.

It runs in the same process and on the same port as the BitGo accounts, under `/v1/portfolios`, and quotes
from the same walks: each portfolio has its own offset and spread around the one market.

Source: Coinbase Prime REST API (authentication, rate limits, pagination, RFQ, orders, fees), as published.
"""
