"""What a person calls from the command line to train and to measure, a module a command."""
