"""Records of runs as files that other tools open: timelines, waveforms, tables."""

from __future__ import annotations

from neurochip.traces.recording import Recording, record
from neurochip.traces.tables import write_cores, write_links, write_messages
from neurochip.traces.timeline import write_timeline
from neurochip.traces.waveform import REGISTERS, Signal, registers_of, write_waveform

__all__ = [
    "REGISTERS",
    "Recording",
    "Signal",
    "record",
    "registers_of",
    "write_cores",
    "write_links",
    "write_messages",
    "write_timeline",
    "write_waveform",
]
