"""The wire between the services: names, messages, codec, scripts. Every service imports it; it imports none."""

VERSION = "0.6.0"
