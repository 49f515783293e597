import numpy as np
import pytest

from ucls.ensemble.selection import rank_within, select_heads

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


def test_ranks_among_those_of_the_same_scale():
    loss = np.float32([3, -5, 1, -4, 2, -6])
    scales = np.int32([10, 30, 10, 30, 10, 30])
    assert rank_within(loss, scales).tolist() == [2, 1, 0, 2, 1, 0]
    assert rank_within(loss, np.zeros(6)).tolist() == [5, 1, 3, 2, 4, 0]
    assert rank_within(loss, np.arange(6)).tolist() == [0] * 6


def test_equal_losses_rank_in_their_order():
    ranks = rank_within(np.float32([1, 1, 0, 1]), np.int32([2, 2, 2, 5]))
    assert ranks.tolist() == [1, 2, 0, 0]


SCALES = np.int32([10, 30, 30, 10, 10, 10])


@pytest.mark.parametrize(
    ("text", "heads"),
    [("best:2", (2, 5)), ("best:3", (1, 2, 5)), ("best", (1, 2, 5)), ("all", (1, 2, 4, 5))],
)
def test_losses_are_compared_among_heads_of_the_same_scale(text, heads, labels):
    """Heads 1 and 2 have larger losses than 4 and 5, but these were trained for fewer clusters."""
    loss = np.float32([-9, 23, 21, -8, 2, 0])
    options = {"n_clusters": N_CLUSTERS, "scales": SCALES}
    assert select_heads(text, labels, loss, **options).heads == heads
    alone = select_heads("best:2", labels, loss, n_clusters=N_CLUSTERS).heads
    assert alone == (4, 5)


@pytest.mark.parametrize(
    ("text", "heads"),
    [
        ("all", (1, 2, 4)),
        ("best", (2, 4)),
        ("best:1", (2,)),
        ("best:6", (1, 2, 4)),
        ("anmi:2", (2, 4)),
        ("0,5", (0, 5)),
    ],
)
def test_a_rule_chooses_among_the_candidates_and_names_need_not_be_there(text, heads, labels):
    candidates = np.array([0, 1, 2, 4])
    selection = select(text, labels, candidates=candidates)
    assert selection.heads == heads
    assert all("head 3" not in note for note in selection.notes)


def test_heads_that_are_no_candidates_are_not_compared(labels):
    told = []
    select("anmi:1", labels, candidates=np.array([1, 2, 5]), advance=told.append)
    assert sum(told) == 3
    labels[3] = 500
    assert select("all", labels, candidates=np.array([1, 2])).heads == (1, 2)


def test_all_candidates_have_collapsed(labels):
    selection = select("best:1", labels, candidates=np.array([0, 3]))
    assert selection.heads == (0,)
    assert selection.notes[0] == "all 2 heads have collapsed, so none is left out"


def random_labels(seed: int, n_heads: int, n_images: int, n_clusters: int) -> np.ndarray:
    labels = np.random.default_rng(seed).integers(n_clusters, size=(n_heads, n_images))
    return labels.astype(np.int32)


def test_heads_that_collapsed_before_their_clusters_were_merged_are_left_out() -> None:
    labels = random_labels(0, 4, 200, 5)
    loss = np.arange(4, dtype=np.float32)
    chosen = select_heads(
        "all", labels, loss, n_clusters=5, collapsed={1: "fills 2 of 15 clusters"}
    )
    assert chosen.heads == (0, 2, 3)
    assert "left out as collapsed: head 1 fills 2 of 15 clusters" in chosen.notes[0]
