"""Figures as people read them; whoever needs every digit takes the JSON file."""


def latency(value_us: float, micro: str = "µs") -> str:
    """A latency in three digits with its unit; `micro`: how a microsecond can be written."""
    if value_us < 1000:
        return f"{value_us:.0f} {micro}"
    if value_us < 999_500:  # from there on three digits are those of a second
        return f"{value_us / 1000:.3g} ms"
    return f"{value_us / 1_000_000:.3g} s"
