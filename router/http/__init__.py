"""HTTP in and out: routes, wire types, problems, the description of it all."""
