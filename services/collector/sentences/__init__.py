"""Every text that the collector tells people in messages, one module a subject. ``sentence`` explains how."""
