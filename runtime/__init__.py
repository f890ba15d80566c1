"""What every service promises to whoever runs it: settings from the environment, readable logs, readiness."""
