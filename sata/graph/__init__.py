"""The dataflow graph of a workload: which op makes what another takes, in which order they run, what may be fused."""

from __future__ import annotations

from sata.graph.check import WorkloadGraph, check_graph, graph_of_workload
from sata.graph.fused import Early, GroupView, SharedLoop, early, group_view, outside_between
from sata.graph.order import Cycle, Order
from sata.graph.values import Dataflow, Edge, Value, Why, dataflow

__all__ = ["Cycle", "Dataflow", "Early", "Edge", "GroupView", "Order", "SharedLoop", "Value", "Why", "WorkloadGraph",
           "check_graph", "dataflow", "early", "graph_of_workload", "group_view", "outside_between"]  # fmt: skip
