import pytest

from collector.kernel_files import read_alarms, waiting_seconds

PRESSURE = "some avg10=5.09 avg60=2.65 avg300=1.36 total=8047665\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"


def test_waiting_seconds_are_those_in_which_some_task_waited(tmp_path):
    (tmp_path / "io").write_text(PRESSURE)

    assert waiting_seconds("io", tmp_path) == 8.047665


@pytest.mark.parametrize("text", [None, "", "full avg10=0.00 total=7\n", "some total=\n"])
def test_waiting_seconds_are_not_known_when_the_kernel_does_not_tell_them(tmp_path, text):
    if text is not None:
        (tmp_path / "io").write_text(text)

    assert waiting_seconds("io", tmp_path) is None


def test_alarms_are_those_of_the_chips_in_sysfs(tmp_path):
    for chip, files in {
        "hwmon0": {"name": "rpi_volt", "in0_lcrit_alarm": "1"},
        "hwmon1": {"name": "coretemp", "temp1_crit_alarm": "0", "temp2_crit_alarm": "1", "temp2_max_alarm": "1"},
        "hwmon2": {"temp1_crit_alarm": "1"},
        # The second one is not connected.
        "hwmon3": {"name": "lm90", "temp1_crit_alarm": "1", "temp1_fault": "0", "temp2_crit_alarm": "1"}
        | {"temp2_fault": "1"},
    }.items():
        (tmp_path / chip).mkdir()
        for name, text in files.items():
            (tmp_path / chip / name).write_text(text + "\n")

    alarms = read_alarms(tmp_path)

    assert alarms.raised("under_voltage") == ("rpi_volt/in0",)
    assert alarms.raised("hardware_alarm") == ("coretemp/temp2", "lm90/temp1")
    assert read_alarms(tmp_path / "hwmon2").raised("hardware_alarm") is None
