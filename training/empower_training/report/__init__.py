"""Draws one HTML page of the policies, a person's log, and a file coloured by its uncertainty."""
