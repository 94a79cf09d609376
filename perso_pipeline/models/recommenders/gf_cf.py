"""GF-CF: a linear filter on the graph plus an ideal low-pass one.

Shen et al., "How Powerful is Graph Convolution for Recommendation?", CIKM 2021.
"""

from typing import ClassVar

from perso_pipeline.models.recommenders.graph_filter import GraphFilter


class GfCf(GraphFilter):
    """score = x (P + low_pass x Di^-1/2 V V' Di^1/2)."""

    name: ClassVar[str] = "gf_cf"
