"""REST, pages and OpenAPI: reads what the collector left in Redis, and asks for it to be pushed again."""
