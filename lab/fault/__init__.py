"""Faults of a running lab as values: what each one is, where it fits, and what it does."""
