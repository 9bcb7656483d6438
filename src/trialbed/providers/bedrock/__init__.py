"""Models of Amazon Bedrock, through Converse and ConverseStream.

Pure: `mapping`, `assembly`, `streaming`, `forms`, `capabilities`, `credentials`. With the SDK, so import them
only when calls are made: `session`, `event_stream`, `identity`, `wire`, `errors`.
"""
