"""One suite for every adapter. What it needs of one is a kit: a line in `kits.KITS`."""
