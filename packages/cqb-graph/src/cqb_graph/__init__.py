"""Relation reasoning between the things and the stuff of an image, in both directions."""

from cqb_graph.attention import GraphAttention, edge_weights
from cqb_graph.explain import Explanation, ablate, explain
from cqb_graph.graph import PUBLIC_STAND_IN, GraphOptions
from cqb_graph.loss import RelationLoss, RelationTerms, Targets, box_loss, class_loss, semantic_loss
from cqb_graph.nodes import class_centers
from cqb_graph.reasoning import RelationReasoning
from cqb_graph.relations import Edges, Predictions, Relations, average_logits, pixel_features
from cqb_graph.table import ClassTable

__all__ = [
    "PUBLIC_STAND_IN",
    "ClassTable",
    "Edges",
    "Explanation",
    "GraphAttention",
    "GraphOptions",
    "Predictions",
    "RelationLoss",
    "RelationReasoning",
    "RelationTerms",
    "Relations",
    "Targets",
    "ablate",
    "average_logits",
    "box_loss",
    "class_centers",
    "class_loss",
    "edge_weights",
    "explain",
    "pixel_features",
    "semantic_loss",
]
