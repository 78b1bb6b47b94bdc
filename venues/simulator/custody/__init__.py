"""Simulated custody: the wallets and transfers of the platform API, for users with tokens of their own.

It runs in the same process and on the same port as the trading accounts and shares nothing with them but the
machinery: a custody token does not trade, a trading token does not see wallets.
"""
