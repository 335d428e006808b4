"""What a tab shows: the third door. Handlers are public RPCs, so every one goes through ``doors``."""
