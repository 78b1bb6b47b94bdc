"""The five operations of the custody wire and their parameters.

Source: bitgo-custody OpenAPI, paths under /api/v2.
"""

from venues.simulator.custody.gate import Route
from venues.simulator.custody.rest_transfers import list_transfers, show_transfer
from venues.simulator.custody.rest_wallets import list_wallets, show_wallet, total_balances

PREFIX = "/api/v2"
_WALLET = PREFIX + "/{coin}/wallet/{wallet}"

# Parameters that are taken and change nothing here: nothing is staked, linked, or left unconfirmed by policy.
_IDLE_OF_LIST = (
    "expandPolicy",
    "expandCustodialWallet",
    "ignoreErrors",
    "includeStakingBalances",
    "skipUnsupportedCoins",
)
_IDLE_OF_WALLET = (
    "unspentCount",
    "includeRbf",
    "expandAdvancedWhitelist",
    "includeStakingBalances",
    "includeEvmKeyringWhitelist",
    "exactConfirmedBalance",
)
_IDLE_OF_BALANCES = (
    "expandCustodialWallet",
    "includeEvmKeyring",
    "includeStakingBalances",
    "skipPendingTxs",
    "skipTxCounts",
)

ROUTES: tuple[Route, ...] = (
    Route(
        PREFIX + "/wallets",
        "wallets",
        list_wallets,
        queries=(
            "deleted",
            "prevId",
            "labelContains",
            "expandBalance",
            "excludeSpendableBalance",
            "limit",
            "offset",
            "skipReceiveAddress",
            *_IDLE_OF_LIST,
        ),
        repeated=("id", "coin", "enterprise", "type", "subType"),
        unplayed=("permission", "pinnedWallets", "bitgoOrg", "customTags"),
    ),
    Route(
        PREFIX + "/wallet/balances",
        "wallet_balances",
        total_balances,
        queries=(
            "allTokens",
            "deleted",
            "excludeEmptyBalances",
            "excludeSpendableBalances",
            "labelContains",
            *_IDLE_OF_BALANCES,
        ),
        repeated=("id", "coin", "enterprise", "type"),
    ),
    Route(_WALLET, "wallet", show_wallet, queries=("allTokens", "includeBalance", *_IDLE_OF_WALLET)),
    Route(
        _WALLET + "/transfer",
        "transfers",
        list_transfers,
        queries=(
            "allTokens",
            "dateGte",
            "dateLt",
            "height",
            "limit",
            "prevId",
            "type",
            "valueGte",
            "valueLt",
            "sortBy",
            "reverse",
            "includeHex",
            "includeRbf",
            "includeOperational",
        ),
        repeated=("state", "id", "address"),
        unplayed=("pendingApprovalId", "memoId"),
    ),
    Route(
        _WALLET + "/transfer/{transfer}", "transfer", show_transfer, queries=("includeTxRequestCreatedDate",)
    ),
)
