"""The desk's command line: a client of the router's HTTP API, and the commands that start it.

Nothing here knows the router from inside: what a command shows, any program can read from the same answers.
"""
