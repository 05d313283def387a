"""Looking at a running lab from inside its namespaces: kernel tables, captured packets."""
