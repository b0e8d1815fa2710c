"""Pools of operations that are pruned and refilled by morphing (PR-DARTS), without torch."""
