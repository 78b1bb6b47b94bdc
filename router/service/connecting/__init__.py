"""Connections that people make, kept, run and drained, and the roster of all there are."""
