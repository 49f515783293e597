from ucls.hierarchies.levels import Level, breeds_levels, cut_levels

CHAINS = {
    "pug": ("thing", "animal", "dog", "pug"),
    "beagle": ("thing", "animal", "dog", "beagle"),
    "cup": ("thing", "cup"),
}


def test_a_cut_at_each_depth() -> None:
    root, first, second, third = cut_levels(CHAINS)
    assert root == Level("level 0", dict.fromkeys(CHAINS, "thing"))
    assert first.superclasses == {"pug": "animal", "beagle": "animal", "cup": "cup"}
    assert second.superclasses == {"pug": "dog", "beagle": "dog"}
    assert [level.n_superclasses for level in (root, first, second, third)] == [1, 2, 1, 2]
    assert [level.tells for level in (root, first, second, third)] == [False, True, False, False]


def chains(n_superclasses: int, n_classes: int) -> dict[str, tuple[str, ...]]:
    """At depth 5 below the living things of WordNet, with one class too few in the last."""
    above = ("n00001740", "n00004258", "a", "b", "c")
    classes = [
        (f"s{i}", f"s{i}-{j}") for i in range(n_superclasses) for j in range(n_classes - (i == 17))
    ]
    return {name: (*above, superclass, name) for superclass, name in classes}


def test_the_sets_of_breeds_are_there_where_their_superclasses_are() -> None:
    (found,) = breeds_levels(chains(18, 4))
    assert (found.name, found.n_superclasses, len(found.superclasses)) == ("Living17", 17, 68)
    assert list(breeds_levels(chains(16, 4))) == []
    assert list(breeds_levels(chains(17, 3))) == []
    assert list(breeds_levels(chains(27, 4))) == []  # 26 with four classes, none of them lifeless
