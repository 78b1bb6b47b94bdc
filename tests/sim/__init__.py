"""The proof by simulation: the real core and service against a modelled world; see docs/reliability.md."""
