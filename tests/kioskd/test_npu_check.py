# SPDX-License-Identifier: Apache-2.0
"""Where the speech model runs, as health tells it, and that trying the NPU holds nothing up."""

import threading

import numpy as np

from driving_client.errors import SpeechError
from driving_client.lipsync.mouth_net import load_net
from driving_client.lipsync.npu import ChosenNet, NpuNet
from kioskd.health.npu_check import NpuCheck, vendor_parts
from kioskd.health.status import Status
from kioskd.service.speech_net import SpeechNet


def test_a_board_without_an_npu_is_healthy_and_says_why_the_cpu_works(tmp_path):
    finding = NpuCheck(
        lambda: ChosenNet(load_net(), "cpu", "no NPU with the driver rknpu"), tmp_path
    ).run(0.0)
    assert finding.status is Status.PASS
    assert "lips by CPU: no NPU with the driver rknpu" in finding.observed
    assert "no NPU software is installed" in finding.observed
    waiting = NpuCheck(lambda: None, tmp_path).run(0.0)
    assert waiting.status is Status.PASS
    assert "while the NPU is tried" in waiting.observed


def test_the_vendors_parts_are_named(tmp_path):
    drivers = tmp_path / "sys/bus/platform/drivers/RKNPU"
    device = tmp_path / "sys/class/drm/renderD129/device"
    for folder in (drivers, device, tmp_path / "usr/lib", tmp_path / "sys/module/rknpu"):
        folder.mkdir(parents=True)
    (device / "driver").symlink_to(drivers)
    told = vendor_parts(tmp_path)
    assert "device renderD129, driver of unknown version, library none" in told
    (tmp_path / "sys/module/rknpu/version").write_text("0.9.8\n")
    (tmp_path / "usr/lib/librknnrt.so").write_bytes(b"")  # the payload's, not mounted over
    assert "library none" in vendor_parts(tmp_path)
    (tmp_path / "usr/lib/librknnrt.so").write_bytes(b"\x7fELF")
    told = vendor_parts(tmp_path)
    assert "driver 0.9.8, library /usr/lib/librknnrt.so, rknn-toolkit-lite2" in told


def test_an_npu_that_failed_in_use_is_a_warning(tmp_path):
    net = NpuNet.__new__(NpuNet)  # the device that it would open is not here
    net.failure = "inference gave TypeError"
    finding = NpuCheck(lambda: ChosenNet(net, "npu", "agreed"), tmp_path).run(0.0)
    assert finding.status is Status.WARN
    assert finding.reasons[0].code == "npu_failed"
    assert "TypeError" in finding.reasons[0].text


def test_mouths_are_made_while_the_npu_is_still_being_tried():
    held = threading.Event()

    class Counting:
        def __init__(self):
            self.calls = 0

        def window(self, mel):
            self.calls += 1
            return np.full((2, 6), 0.5, np.float32)

    net = Counting()

    def choose():
        held.wait(60)
        return ChosenNet(net, "npu", "agrees")

    speech = SpeechNet(choose)
    speech.start()
    assert speech.chosen is None
    assert len(speech.mouth(16000).feed(np.zeros(16000, np.int16))) > 20
    assert net.calls == 0
    held.set()
    for thread in threading.enumerate():
        if thread.name == "npu":
            thread.join(60)
    assert speech.chosen is not None
    speech.mouth(16000).feed(np.zeros(16000, np.int16))
    assert net.calls > 20


def test_a_damaged_model_is_logged_and_told_by_health_and_ends_no_thread(caplog, tmp_path):
    def choose():
        raise SpeechError("mouth.npz is not a model of the mouth")

    speech = SpeechNet(choose)
    speech.start()
    for thread in threading.enumerate():
        if thread.name == "npu":
            thread.join(60)
    assert speech.chosen is None
    assert [record.code for record in caplog.records] == ["speech_model_damaged"]
    finding = NpuCheck(lambda: speech.chosen, tmp_path, lambda: speech.damage).run(0.0)
    assert finding.status is Status.WARN
    assert finding.reasons[0].code == "speech_model_damaged"
    assert "mouth.npz is not a model" in finding.reasons[0].text
