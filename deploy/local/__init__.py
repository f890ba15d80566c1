"""The whole product as plain processes: no Docker, no root, an embedded Valkey."""
