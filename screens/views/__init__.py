"""Pure functions from histories and records to the models of the screens."""
