from collections import Counter

from cqb_core.scenes import STUFF, TAXONOMY, THINGS
from cqb_core.scenes.shapes import FAMILIES


def test_twins_share_a_family_and_not_a_home():
    for family, count in Counter(thing.family for thing in THINGS).items():
        twins = [thing for thing in THINGS if thing.family == family]
        assert count == 2
        assert twins[0].home != twins[1].home
        assert set(FAMILIES[family].marks) == {twin.name for twin in twins}
    assert {thing.home for thing in THINGS} < set(STUFF)


def test_the_taxonomy_lists_things_and_stuff_in_their_order():
    assert [c.name for c in TAXONOMY.things] == [thing.name for thing in THINGS]
    assert [c.name for c in TAXONOMY.stuff] == list(STUFF)
    assert len(TAXONOMY.index) == TAXONOMY.num_things + TAXONOMY.num_stuff
    assert len({c.color for c in TAXONOMY.categories}) == len(TAXONOMY.categories)
