"""Models of Amazon Bedrock, through Converse.

Pure: `mapping`, `forms`, `capabilities`, `credentials`. With the SDK, so import them only when calls are
made: `session`, `identity`, `wire`, `errors`.
"""
