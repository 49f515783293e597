"""Everything UCLS keeps on disk: feature caches, neighbour graphs, run folders.

``FORMAT.md`` beside this file is the specification of the files.
"""

from ucls.cache.features.catalog import (
    CacheEntry,
    find_cache,
    list_caches,
    open_cache,
    remove_cache,
)
from ucls.cache.features.location import cache_directory
from ucls.cache.features.reader import FeatureCache
from ucls.cache.features.spec import FEATURE_SETS, FOREGROUND, FeatureSpec, cache_file_name
from ucls.cache.features.writer import FeatureCacheWriter
from ucls.cache.files import atomic_write, partial_path, read_json, write_json
from ucls.cache.graph import read_graph, read_nearest, write_graph
from ucls.cache.merges import read_merges, read_n_left, write_merges
from ucls.cache.outputs import STDOUT, check_output, has_json_lines, has_table
from ucls.cache.results import (
    Assignments,
    ConsensusEntry,
    read_assignments,
    read_consensus,
    write_assignments,
    write_consensus,
)
from ucls.cache.run_folder import RunFolder, flatten, settings_key, versions
from ucls.cache.tables import write_csv, write_json_lines
from ucls.cache.truth import Truth, read_truth, write_truth
from ucls.cache.weights import read_tensor_metadata, read_tensors, write_tensors

__all__ = [
    "FEATURE_SETS",
    "FOREGROUND",
    "STDOUT",
    "Assignments",
    "CacheEntry",
    "ConsensusEntry",
    "FeatureCache",
    "FeatureCacheWriter",
    "FeatureSpec",
    "RunFolder",
    "Truth",
    "atomic_write",
    "cache_directory",
    "cache_file_name",
    "check_output",
    "find_cache",
    "flatten",
    "has_json_lines",
    "has_table",
    "list_caches",
    "open_cache",
    "partial_path",
    "read_assignments",
    "read_consensus",
    "read_graph",
    "read_json",
    "read_merges",
    "read_n_left",
    "read_nearest",
    "read_tensor_metadata",
    "read_tensors",
    "read_truth",
    "remove_cache",
    "settings_key",
    "versions",
    "write_assignments",
    "write_consensus",
    "write_csv",
    "write_graph",
    "write_json",
    "write_json_lines",
    "write_merges",
    "write_tensors",
    "write_truth",
]
