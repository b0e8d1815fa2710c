"""PR-DARTS: pools of operations that are pruned and refilled by morphing, stage by stage."""
