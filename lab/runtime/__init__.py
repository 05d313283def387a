"""Where nodes live: the supervisor, namespaces, wiring, daemons, capability probing."""
