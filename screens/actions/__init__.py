"""What a person can do: one table of actions, from which bindings, key line, help, palette and docs are made."""
