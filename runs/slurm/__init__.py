"""Slurm as the engine beyond one machine: one job for each run, submitted by sbatch and looked after by squeue."""
