"""The screens that start a run: New run and Retrain."""
