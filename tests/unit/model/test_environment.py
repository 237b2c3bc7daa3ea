import pytest

from weftline import Environment
from weftline.errors import BadArgumentError


def test_the_order_and_the_spaces_of_requirements_do_not_matter():
    one = Environment(("scipy >= 1", "  numpy<2", ""), "3.12")
    assert one == Environment(("numpy<2", "scipy >= 1", "numpy<2"), "3.12")
    assert str(one) == "python 3.12, numpy<2, scipy >= 1"


def test_a_single_requirement_is_not_taken_letter_by_letter():
    assert Environment("numpy<2").requirements == ("numpy<2",)


def test_an_address_tells_an_environment():
    one = Environment(("numpy<2", "tool[a,b]==1 ; python_version < '4'", "local @ file:///w/local-1.whl"), "3.12.1")
    scheme, _, query = one.address.partition(":?")
    assert scheme == "interpreter"
    assert Environment.of_query(query) == one
    assert Environment.of_query("") == Environment()


def test_a_file_has_one_requirement_in_each_line():
    text = "# what it needs\nnumpy<2  # not the newest\n\nlocal @ file:///w/local-1.whl#sha256=ab\n"
    assert Environment.of_lines(text).requirements == ("local @ file:///w/local-1.whl#sha256=ab", "numpy<2")


@pytest.mark.parametrize("line", ["-r other.txt", "--index-url http://x", "-e .", "./folder", "a/b.whl", "Weftline[numpy]"])
def test_what_is_no_requirement_is_refused(line):
    with pytest.raises(BadArgumentError) as caught:
        Environment((line,))
    assert caught.value.argument == line


@pytest.mark.parametrize(
    ("python", "detail"), [("3.10", "too old"), ("2.7", "too old"), ("new", "no version"), ("3", "no version")]
)
def test_a_python_that_cannot_run_calls_is_refused(python, detail):
    with pytest.raises(BadArgumentError, match=detail):
        Environment(python=python)


def test_an_option_that_nobody_knows_is_refused():
    with pytest.raises(BadArgumentError, match="'pyhton'"):
        Environment.of_query("pyhton=3.12")
