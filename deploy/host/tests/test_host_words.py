import pytest

from deploy.host.words import answering


@pytest.mark.parametrize(
    ("online", "total", "text"),
    [
        (0, 1, "0 of 1 node answer"),
        (1, 1, "1 of 1 node answers"),
        (1, 4, "1 of 4 nodes answers"),
        (3, 4, "3 of 4 nodes answer"),
    ],
)
def test_words_follow_their_number_when_nodes_are_counted(online, total, text):
    assert answering(online, total) == text
