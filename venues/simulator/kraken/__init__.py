"""A simulated Kraken: the Spot REST wire and the public book of WebSocket v2.

It runs in the same process and on the same port as the BitGo accounts, under `/0`, and makes its markets from
the same walks: each account has its own offset and spread around the one market.

Source: Kraken Spot REST API (authentication, nonce, Assets, AssetPairs, Depth, BalanceEx, AddOrder,
CancelOrder, QueryOrders, OpenOrders, ClosedOrders, QueryTrades, TradesHistory), the guide to client order
identifiers, and WebSocket API v2 (channel `book`), as published.
"""
