"""The kinds of steps, one file per noun: what a person writes, and how it is done or checked."""
