"""What must survive: one port (router.ports.Journal) and the stores behind it."""
