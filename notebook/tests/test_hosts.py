"""Kernels that hear a page while they await, and those that do not."""

import types

import pytest

from handful import HandfulError, hosts


def kernel(monkeypatch, dispatch, **more):
    monkeypatch.setattr(hosts, "kernel", lambda: types.SimpleNamespace(dispatch_shell=dispatch, **more))


def test_an_old_kernel_is_told(monkeypatch):
    kernel(monkeypatch, lambda msg: None)
    with pytest.raises(HandfulError, match="hears the page only between cells; pip install -U ipykernel"):
        hosts.listens()


def test_kernels_that_listen(monkeypatch):
    kernel(monkeypatch, lambda msg: None, _supports_kernel_subshells=True)
    hosts.listens()
    monkeypatch.undo()
    hosts.listens()  # no kernel at all


def test_this_ipykernel_listens(monkeypatch):
    base = pytest.importorskip("ipykernel.kernelbase")
    kernel(monkeypatch, base.Kernel.dispatch_shell)
    hosts.listens()


def test_marimo_that_is_only_imported():
    pytest.importorskip("marimo")
    assert hosts.mirror(None) is None
