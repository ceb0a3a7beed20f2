"""SLA analysis over the event log: explanations, what-if, policy roll-outs and their previews."""
