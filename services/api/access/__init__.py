"""Who may ask for what: people sign in, programs show a token, and nothing else is let in where access is closed."""
