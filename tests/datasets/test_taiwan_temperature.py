"""A reader's own file of the Taiwan grid, which may hold anything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.datasets import DataError, taiwan_temperature


def taiwan_xml(values, last_longitude="121.98"):
    rows = "\n".join(",".join(f"{v:.4E}" for v in row) for row in values)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<cwaopendata xmlns="urn:cwa:gov:tw:cwacommon:0.1"><dataset>
<GeoInfo><BottomLeftLongitude>120.0</BottomLeftLongitude>
<BottomLeftLatitude>21.88</BottomLeftLatitude>
<TopRightLongitude>{last_longitude}</TopRightLongitude>
<TopRightLatitude>25.45</TopRightLatitude></GeoInfo>
<DataTime><DateTime>2024-07-01T05:00:00+08:00</DateTime></DataTime>
<Resource><Content>{rows}</Content></Resource></dataset></cwaopendata>""".encode()


def own_values():
    values = np.full((120, 67), -999.0)
    values[40:80, 20:50] = np.arange(1200).reshape(40, 30) % 250 / 10
    return values


OWN = taiwan_xml(own_values())


@pytest.fixture
def own(tmp_path):
    """Return a function that writes a file."""

    def write(contents):
        (tmp_path / "own.xml").write_bytes(contents)
        return tmp_path / "own.xml"

    return write


def test_an_own_file_is_read_in_the_files_order(own, noted):
    grid = taiwan_temperature.load(own(OWN))
    X, label, value = grid.points()
    assert X.shape == (8040, 2)
    assert X[1].tolist() == [120.03, 21.88]
    assert X[67].tolist() == [120.0, 21.91]
    assert label.sum() == 1200
    assert np.array_equal(np.isfinite(value), label == 1)
    assert value[40 * 67 + 21] == grid.temperature[40, 21] == pytest.approx(0.1)
    assert grid.hour == "2024-07-01T05:00:00+08:00"
    assert [source.origin for source in noted] == ["own file"]


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        (taiwan_xml(own_values()[:100]), "120 x 67 values expected, 6700 found"),
        (taiwan_xml(own_values(), "122.5"), "corners .* expected"),
        (taiwan_xml(own_values(), "121.98,1"), "corners .* expected"),
        (taiwan_xml(np.full((120, 67), 300.0)), "300 degrees Celsius"),
        (taiwan_xml(np.full((120, 67), np.nan)), "'NAN.*' is no number"),
        (taiwan_xml(np.full((120, 67), np.inf)), "'INF.*' is no number"),
        (OWN.replace(b"-9.9900E+02", b"1_0", 1), "'_0.*' is no number"),
        (OWN.replace(b"-9.9900E+02", b"1.2.3", 1), "no grid of O-A0038-003"),
        (OWN.replace(b"-9.9900E+02", b"warm", 1), "no number"),
        (OWN[:3000], "no acceptable XML"),
        (OWN.replace(b"Content", b"Else"), "no element <Content>"),
        (b"<html><body>log in</body></html>", "no element"),
        (b"", "no acceptable XML"),
        (
            b'<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>',
            "no acceptable XML",
        ),
    ],
)
def test_a_malformed_own_file_is_refused(own, noted, contents, sentence):
    with pytest.raises(DataError, match=rf"own\.xml .*{sentence}"):
        taiwan_temperature.load(own(contents))
    assert noted == []


def test_an_own_file_that_is_absent_is_an_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        taiwan_temperature.load(tmp_path / "absent.xml")


@settings(deadline=None)
@given(st.data())
def test_any_change_of_an_own_file_is_read_or_refused(tmp_path_factory, data):
    contents = bytearray(OWN)
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, 600) | st.integers(0, len(contents) - 1))
        contents[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("own") / "own.xml"
    path.write_bytes(contents)
    try:
        grid = taiwan_temperature.load(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert grid.temperature.shape == (120, 67)
