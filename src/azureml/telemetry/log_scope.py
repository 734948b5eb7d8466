"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import LogScope, context_scope, ctx_scope

__all__ = ["LogScope", "context_scope", "ctx_scope"]
