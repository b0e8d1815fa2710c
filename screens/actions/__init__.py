"""The actions of the dashboard: one table, from which bindings, key line, help, palette and docs are made."""
