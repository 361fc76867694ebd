import pytest

from cqb_core import InputError, Taxonomy
from cqb_core.taxonomy import distinct_color

RAW = [
    {"id": 7, "name": "sky", "isthing": 0},
    {"id": 3, "name": "car", "isthing": 1, "color": [1, 2, 3]},
    {"id": 9, "name": "cat", "isthing": 1},
]


def test_things_come_first_in_the_order_of_the_file():
    taxonomy = Taxonomy.from_json(RAW, "t.json")
    assert [category.name for category in taxonomy.categories] == ["car", "cat", "sky"]
    assert taxonomy.index == {3: 0, 9: 1, 7: 2}
    assert (taxonomy.num_things, taxonomy.num_stuff) == (2, 1)
    assert taxonomy.metainfo()["thing_classes"] == ("car", "cat")
    assert taxonomy.metainfo()["stuff_classes"] == ("sky",)


def test_colours_are_kept_or_made_and_never_black():
    taxonomy = Taxonomy.from_json(RAW, "t.json")
    assert taxonomy.things[0].color == (1, 2, 3)
    made = [distinct_color(index) for index in range(255)]
    assert len(set(made)) == 255
    assert (0, 0, 0) not in made
    assert made[:3] == [(128, 0, 0), (0, 128, 0), (128, 128, 0)]


def test_it_comes_back_from_json():
    taxonomy = Taxonomy.from_json(RAW, "t.json")
    assert Taxonomy.from_json(taxonomy.to_json(), "t.json") == taxonomy


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        ([], r"t\.json: categories: wanted a list of at least one category, got \[\]"),
        (None, r"categories: wanted a list"),
        ([{"id": 1, "name": "a"}], r"categories\[0\]\.isthing: wanted 0 or 1, got None"),
        ([{"id": 1, "name": "a", "isthing": 2}], r"categories\[0\]\.isthing: wanted 0 or 1, got 2"),
        ([{"id": "1", "name": "a", "isthing": 1}], r"categories\[0\]\.id: wanted an integer, got '1'"),
        ([{"id": True, "name": "a", "isthing": 1}], r"categories\[0\]\.id: wanted an integer, got True"),
        ([{"id": 1, "name": 7, "isthing": 1}], r"categories\[0\]\.name: wanted text without control characters, got 7"),
        ([{"id": 1, "name": " ", "isthing": 1}], r"\.name: wanted text without control characters, got ' '"),
        ([{"id": 1, "name": "\x1b[2J", "isthing": 1}], r"\.name: wanted text .*, got '\\x1b\[2J'"),
        ([{"id": 1, "name": "\ud800", "isthing": 1}], r"\.name: wanted text .*, got '\\ud800'"),
        ([3], r"categories\[0\]: wanted an object with id, name and isthing, got 3"),
        ([RAW[0], {**RAW[1], "id": 7}], r"wanted ids that occur once, got 7 for 'sky' and 'car'"),
        ([{"id": i, "name": "a", "isthing": 0} for i in range(256)], r"wanted at most 255 categories, got 256"),
    ],
)
def test_broken_categories_are_named(categories, message):
    with pytest.raises(InputError, match=message):
        Taxonomy.from_json(categories, "t.json")


def test_names_may_be_in_any_script():
    names = ["<b>sky</b>", "ماشین‌ها", "🚗", "天空"]
    raw = [{"id": i, "name": name, "isthing": 0} for i, name in enumerate(names)]
    assert [category.name for category in Taxonomy.from_json(raw, "t.json").categories] == names
