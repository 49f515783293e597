import pytest

from ucls.errors import MismatchError, UclsError, UsageError


@pytest.mark.parametrize(("kind", "code"), [(UclsError, 1), (UsageError, 2), (MismatchError, 2)])
def test_exit_codes(kind: type[UclsError], code: int) -> None:
    error = kind("what came")
    assert isinstance(error, UclsError)
    assert error.exit_code == code
    assert str(error) == "what came"
