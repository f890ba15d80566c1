"""Measurements of the product; claims come from here."""
