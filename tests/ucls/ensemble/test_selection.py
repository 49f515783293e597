import numpy as np
import pytest

from ucls.ensemble.selection import collapse_reason, select_heads

N_CLUSTERS = 10
EVEN = np.arange(200, dtype=np.int32) % N_CLUSTERS
FEW = EVEN % 4
LOPSIDED = np.where(np.arange(200) < 185, 0, EVEN).astype(np.int32)


@pytest.fixture
def labels():
    """Six heads: 0 and 3 have collapsed, 5 has nothing in common with 1, 2 and 4."""
    rng = np.random.default_rng(0)
    nearly = [np.where(rng.random(200) < 0.1, rng.permutation(EVEN), EVEN) for _ in range(3)]
    heads = [FEW, nearly[0], nearly[1], LOPSIDED, nearly[2], rng.permutation(EVEN)]
    return np.array(heads, dtype=np.int32)


LOSS = np.float32([-9, 3, 1, -8, 2, 0])


def select(text, labels, **options):
    return select_heads(text, labels, LOSS, n_clusters=N_CLUSTERS, **options)


def test_why_a_head_has_collapsed():
    assert collapse_reason(EVEN, N_CLUSTERS) is None
    assert collapse_reason(FEW, N_CLUSTERS) == "fills 4 of 10 clusters"
    reason = collapse_reason(LOPSIDED, N_CLUSTERS)
    assert reason.startswith("is as uneven as 1.")
    assert reason.endswith("equal clusters of 10")
    assert collapse_reason(np.full(5, -1, np.int32), N_CLUSTERS) == "fills 0 of 10 clusters"


def test_at_the_bounds_a_head_has_not_collapsed():
    assert collapse_reason(EVEN % 5, N_CLUSTERS) is None
    assert collapse_reason(np.int32([0, 1]), 4) is None


@pytest.mark.parametrize(
    ("text", "heads"),
    [
        ("all", (1, 2, 4, 5)),
        ("best:1", (5,)),
        ("best", (2, 4, 5)),
        ("best:6", (1, 2, 4, 5)),
        ("anmi", (1, 2, 4)),
        ("0,3", (0, 3)),
    ],
)
def test_rules_leave_collapsed_heads_out_and_names_do_not(text, heads, labels):
    selection = select(text, labels)
    assert selection.heads == heads
    collapsed = [note for note in selection.notes if note.startswith("left out as collapsed: ")]
    assert len(collapsed) == (text != "0,3")
    assert all("head 0 fills 4 of 10 clusters, head 3 is as uneven as" in n for n in collapsed)


def test_collapsed_heads_may_stay(labels):
    assert select("best:2", labels, drop_collapsed=False).heads == (0, 3)
    assert select("all", labels, drop_collapsed=False).heads == (0, 1, 2, 3, 4, 5)


def test_all_have_collapsed(labels):
    selection = select("best:1", labels[[0, 3, 0, 3, 0, 3]])
    assert selection.heads == (0,)
    assert selection.notes[0] == "all 6 heads have collapsed, so none is left out"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("best:2", "heads 2,5, the 2 of 4 with the lowest training loss"),
        ("anmi:3", "heads 1-2,4, the 3 of 4 with the highest mean NMI to the others"),
        ("all", "heads 1-2,4-5, all 4 there are to choose from"),
        ("5,1", "heads 1,5, as named"),
    ],
)
def test_what_is_told(text, note, labels):
    assert select(text, labels).notes[-1] == note


def test_the_only_sound_head(labels):
    assert select("anmi:2", labels[[0, 1, 0, 0, 0, 3]]).heads == (1,)


def test_progress_is_told_for_each_pair_of_heads(labels):
    told = []
    select("anmi", labels, advance=told.append)
    assert sum(told) == 4 * 3 // 2


def test_labels_that_are_missing(labels):
    labels[1, :50] = -1
    assert select("anmi", labels).heads == (1, 2, 4)
