"""The command ``dispycluster``. It has the subcommands of those services that are installed."""
