"""Shared by all parts of the engine: devices, processes, checkpoints, files, metrics, optimisers, schedules."""
