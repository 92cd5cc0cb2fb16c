"""The completion log: what was offered, what became of it, kept on this machine and nowhere else."""
