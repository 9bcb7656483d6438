"""Words of the design as types. Depends on the standard library, pydantic and anyio only."""
