import torch

from ucls.pretraining import views as views_module
from ucls.pretraining.colours import blur, jitter, lose_colour, solarize
from ucls.pretraining.draws import Draws
from ucls.pretraining.views import RECOLOURINGS, MultiCrop, recolour


def multi_crop(**options):
    settings = {
        "size": 16, "local_size": 7, "n_global": 2, "n_local": 2, "global_scale": (0.4, 1.0),
        "local_scale": (0.05, 0.4), "flips": True, "recolours": RECOLOURINGS["byol"],
        "mean": (0.5,) * 3, "std": (0.25,) * 3,
    }  # fmt: skip
    return MultiCrop(**{**settings, **options})


def images(n=6):
    return torch.randint(0, 256, (n, 3, 18, 18), dtype=torch.uint8)


def test_views_have_the_sizes_asked_for_and_lie_on_the_normal_scale():
    views = multi_crop()(images(), torch.ones(6), Draws(0, 6))
    assert [tuple(view.shape) for view in views.pixels] == [
        (6, 3, 16, 16), (6, 3, 16, 16), (6, 3, 7, 7), (6, 3, 7, 7),
    ]  # fmt: skip
    assert len(views.boxes) == 4
    for view in views.pixels:
        assert view.abs().max() <= 2 + 1e-5
    assert (views.boxes[0].width * views.boxes[0].height >= 0.39).all()
    assert (views.boxes[2].width * views.boxes[2].height <= 0.41).all()


def test_one_global_view():
    views = multi_crop(n_global=1, n_local=1)(images(), torch.ones(6), Draws(0, 6))
    assert [view.shape[-1] for view in views.pixels] == [16, 7]


def test_the_same_seed_gives_the_same_views_whatever_was_drawn_elsewhere():
    batch, make = images(), multi_crop()
    first = make(batch, torch.ones(6), Draws(1, 6))
    torch.rand(5)
    second = make(batch, torch.ones(6), Draws(1, 6))
    other = make(batch, torch.ones(6), Draws(2, 6))
    for one, two, three in zip(first.pixels, second.pixels, other.pixels, strict=True):
        assert torch.equal(one, two)
        assert not torch.equal(one, three)


def test_whole_images_that_are_only_cropped_stay_as_they_are():
    make = multi_crop(size=18, n_local=0, global_scale=(1.0, 1.0), flips=False, recolours=None)
    batch = images()
    whole = make(batch, torch.full((6,), 1.0), Draws(0, 6)).boxes[0]
    assert (whole.width * whole.height > 0.9).any()
    torch.testing.assert_close(make.plain(batch), (batch / 255 - 0.5) / 0.25)
    assert make.plain(torch.zeros(2, 3, 36, 36, dtype=torch.uint8)).shape == (2, 3, 18, 18)


def test_a_part_of_a_batch_gets_the_views_that_it_has_in_the_whole():
    batch, make = images(), multi_crop()
    whole = make(batch, torch.ones(6), Draws(5, 6)).pixels
    part = make(batch[2:4], torch.ones(2), Draws(5, 6, slice(2, 4))).pixels
    for one, other in zip(whole, part, strict=True):
        torch.testing.assert_close(one[2:4], other)


def test_views_change_their_colours_as_their_paper_says():
    pixels = torch.rand(400, 3, 12, 12)
    for how, place, blurred, solarized in (
        ("byol", 0, 1, 0),
        ("byol", 1, 0.1, 0.2),
        ("moco", 1, 0.5, 0),
    ):
        chosen = RECOLOURINGS[how]
        assert (chosen.blurred[place], chosen.solarized[place]) == (blurred, solarized)
        draws = Draws(3, 400)
        expected = lose_colour(jitter(pixels, draws, saturation=chosen.saturation), draws)
        expected = blur(expected, blurred, draws)
        if solarized:
            expected = solarize(expected, solarized, draws)
        found = recolour(pixels, chosen, place=place, draws=Draws(3, 400))
        assert torch.equal(found, expected)
    assert RECOLOURINGS["moco"].saturation == 0.4


def test_local_views_are_recoloured_as_such(monkeypatch):
    places = []
    monkeypatch.setattr(
        views_module, "recolour", lambda cut, how, *, place, draws: places.append(place) or cut
    )
    multi_crop(n_global=1, n_local=2)(images(), torch.ones(6), Draws(0, 6))
    assert places == [0, 2, 2]
