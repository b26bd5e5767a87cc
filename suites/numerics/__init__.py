import pytest

pytest.register_assert_rewrite("suites.numerics.checks")
