"""Makes a text fit the text around it, without a grammar."""
