"""Plan values as the text that a daemon or a tool reads."""
