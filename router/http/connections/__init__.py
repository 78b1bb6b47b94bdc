"""Connections over HTTP."""
