import errno

import pytest

from ucls.errors import UsageError
from ucls.images.feature_readers.stored import Contents, named_damage, needed


def test_usual_names_in_their_order():
    contents = Contents.named(["a", "X", "targets", "features"], lambda _: pytest.fail("opened"))
    assert (contents.features, contents.labels) == (("features", "X"), ("targets",))
    assert contents.ids() is None


def test_a_package_that_is_not_there():
    with pytest.raises(UsageError, match=r"^That needs the package no_such: pip install"):
        needed("no_such.module", "That")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.EACCES, "no"), "cannot read a.h5: Permission denied"),
        (ValueError("bad\n  magic"), r"damaged or incomplete \(bad magic\)"),
        (ValueError("Python objects"), "never loaded"),
        (UsageError("as it is"), "^as it is$"),
    ],
)
def test_damage_is_named(error, message):
    with pytest.raises(UsageError, match=message), named_damage("a.h5"):
        raise error


def test_other_errors_pass_unless_they_are_expected():
    with pytest.raises(AssertionError), named_damage("a.h5"):
        raise AssertionError
    with pytest.raises(UsageError), named_damage("a.h5", AssertionError):
        raise AssertionError
