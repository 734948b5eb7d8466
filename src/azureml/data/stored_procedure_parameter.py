"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import StoredProcedureParameter, StoredProcedureParameterType

__all__ = ["StoredProcedureParameter", "StoredProcedureParameterType"]
