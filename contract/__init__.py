"""The contract between the services: names, messages, codec and scripts. It imports no service."""

VERSION = "0.8.0"
