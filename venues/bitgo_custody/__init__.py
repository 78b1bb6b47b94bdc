"""BitGo's custody wire, read only: wallets, their balances, their transfers.

Source: the published OpenAPI description (`/api/v2/wallets`, `/api/v2/{coin}/wallet/{walletId}` and below),
state of 2026-08-11.
"""
