"""v1's module: names of amlet.sdk."""

from amlet.sdk.refused_names import HDInsightAttachConfiguration, HDInsightCompute

__all__ = ["HDInsightAttachConfiguration", "HDInsightCompute"]
