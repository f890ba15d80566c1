"""The api service: REST, web pages and OpenAPI. It reads the collector's data in Redis and requests republication."""
