"""What a person calls from the command line, a module a command."""
