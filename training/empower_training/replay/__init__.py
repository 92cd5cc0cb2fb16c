"""Lets a simulated person type real code under every rule, and says what completions were worth."""
