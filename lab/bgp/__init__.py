"""RFC 4271 without I/O: routes, policy, decision process, RIBs, engine."""
