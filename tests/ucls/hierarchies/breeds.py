"""A part of the files that BREEDS ships, in their layout."""

from pathlib import Path

EDGES = """\
n00001740 n00004258
n00004258 n00015388
n00015388 n01767661
n01767661 n01769347
n01769347 n01770081
n01769347 n01770393
n00015388 n02159955
n02159955 n02164464
n02164464 n02165105
n02164464 n02165456
n02159955 n02206856
n00001740 n00021939
n00021939 n04381994
n04381994 n03797390
n03797390 n03063599
"""
NAMES = """\
n00001740\tentity
n00004258\tliving thing
n00015388\tanimal, animate being, beast, brute, creature, fauna
n01767661\tarthropod
n02159955\tinsect
n01770393\tscorpion
n02206856\tbee
n03797390\tmug
"""
CLASSES = """\
[[70, "n01770081", "harvestman, daddy longlegs, Phalangium opilio"], [71, "n01770393", "scorpion"],
[300, "n02165105", "tiger beetle"], [301, "n02165456", "ladybug, ladybeetle"], [309, "n02206856",
"bee"], [504, "n03063599", "coffee mug"], [101, "n01871265", "tusker"]]
"""
IDS = ("n01770081", "n01770393", "n02165105", "n02165456", "n02206856", "n03063599")


def write_breeds(folder: Path, edges: str = EDGES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "class_hierarchy.txt").write_text(edges)
    (folder / "node_names.txt").write_text(NAMES)
    (folder / "dataset_class_info.json").write_text(CLASSES)
    return folder
