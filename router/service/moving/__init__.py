"""Moves of margin money: accepted, sent once, followed to their end."""
