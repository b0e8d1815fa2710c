"""PR-DARTS: operation pools that are pruned and refilled by morphing, stage by stage."""
