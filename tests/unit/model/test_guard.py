import pytest

from weftline.model.guard import Guard


def test_the_key_of_a_run():
    params = {"region": "eu", "day": 3}
    assert Guard().key_for("sales", params) == 'sales:{"day":"3","region":"eu"}'
    assert Guard().key_for("sales", dict(reversed(params.items()))) == Guard().key_for("sales", params)
    assert Guard("{group}:{params.region}").key_for("sales", params) == "sales:eu"
    assert Guard("warehouse").key_for("sales", params) == "warehouse"


def test_what_it_asks_for():
    assert Guard("{name}:{params.region}:{params}").asked == {"region"}
    with pytest.raises(KeyError):
        Guard("{params.region}").key_for("sales", {})


def test_values_are_not_read_as_marks():
    assert Guard("{params.x}/{name}").key_for("sales", {"x": "{name}"}) == "{name}/sales"


@pytest.mark.parametrize("key", ["", "{region}", "{params.}", "{name", "name}", "{{name}}", 5_000 * "{a"])
def test_a_key_that_says_nothing_is_refused(key):
    with pytest.raises(ValueError, match="is no key") as caught:
        Guard(key)
    assert len(str(caught.value)) < 300


def test_nobody_at_all_is_refused():
    with pytest.raises(ValueError):
        Guard(at_most=0)
