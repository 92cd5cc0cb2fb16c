"""Reruns the fine-tune from a person's log, and promotes the result if it is measurably better."""
