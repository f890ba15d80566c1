"""Every sentence that the collector says to people in messages, one module a subject. ``sentence`` explains how."""
