"""Everything about runs that needs no torch: catalogue, configurations, event logs, store, and launching of engines."""
