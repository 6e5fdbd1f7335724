"""The operator's commands and README's runbook, on a stack of their own, whose schedule is short."""
