"""Margin operations over HTTP."""
