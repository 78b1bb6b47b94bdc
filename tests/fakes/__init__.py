"""Stand-ins behind the router's ports, and a world of them: what a test says happens, and nothing else."""
