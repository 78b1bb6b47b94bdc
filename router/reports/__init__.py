"""Views and reports: what the accounts hold, traded and owe, read from the counterparties and the journal.

Advisory only: nothing that decides who joins a competition, or what is sent, reads anything here
(`tests/unit/reports/test_reading.py`). Lists are `Scroll`s, which hold a page of each connection and no more,
whatever the length of the report.
"""
