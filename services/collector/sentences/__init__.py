"""All sentences of the collector for users, one module per subject. ``sentence`` explains how a sentence works."""
