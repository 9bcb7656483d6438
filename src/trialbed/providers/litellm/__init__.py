"""Models of every provider but Bedrock. LiteLLM says how a provider is asked; the call and its answer are read here.

For each call LiteLLM makes the whole HTTP request (address, headers, body) and is stopped before it sends it (see
`library`). The request is then compared with what was asked for and sent from here, once; what comes back is read as
the provider wrote it. So there is one attempt and one clock, nothing is dropped on the way without a word, and a stop
reason, an error or a count of tokens is the provider's.

Only `library` imports LiteLLM, and only when a model is opened.
"""
