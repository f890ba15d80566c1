"""Access control: people sign in, programs send a token. Where access is closed, all other requests are refused."""
