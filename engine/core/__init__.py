"""What every part of the engine stands on: devices, processes, checkpoints, files, metrics, schedules."""
