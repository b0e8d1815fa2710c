"""What every part of the engine needs: devices, processes, checkpoints, files, metrics, optimisers, schedules."""
