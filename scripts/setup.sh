#!/bin/sh
# Installs what the tests need, where it can; whatever stays missing is named
# here, and counted as skipped by the suites that want it.
#   scripts/setup.sh [all]      all: PyTorch and PEFT too (several GB)
set -u
cd "$(dirname "$0")/.."
start=$(date +%s)
missing() { echo "setup: $1" >&2; }

want=
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || [ -n "${CHROMIUM:-}" ] || want="$want chromium"
ls /usr/share/vulkan/icd.d/lvp_icd*.json >/dev/null 2>&1 || want="$want mesa-vulkan-drivers libvulkan1"
command -v node >/dev/null || want="$want nodejs npm"
[ "$(uname -m)" = aarch64 ] || command -v qemu-aarch64 >/dev/null || want="$want qemu-user"
command -v python3 >/dev/null || want="$want python3 python3-pip"
if [ -n "$want" ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		# shellcheck disable=SC2086 # a list of names
		{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $want; } >/dev/null 2>&1 ||
			missing "apt-get could not install$want"
	else
		missing "missing:$want (not root, or no apt-get: install them yourself)"
	fi
fi

if command -v npm >/dev/null; then
	if ! cmp -s e2e/package-lock.json e2e/node_modules/.installed-lock.json; then
		if (cd e2e && npm ci --silent --no-audit --no-fund) >&2; then
			cp e2e/package-lock.json e2e/node_modules/.installed-lock.json
		else
			missing "npm ci failed in e2e: no browser tests"
		fi
	fi
fi

if command -v python3 >/dev/null; then
	python3 scripts/base.py .cache/base || missing "no base model: its tests are skipped"
fi

if [ "${1:-}" = all ] && command -v python3 >/dev/null; then
	if ! .cache/venv/bin/python -c 'import torch, transformers, peft, gguf, safetensors, accelerate, pytest' 2>/dev/null; then
		echo "setup: installing PyTorch and PEFT into .cache/venv (several GB)" >&2
		{ python3 -m venv .cache/venv && .cache/venv/bin/pip install --quiet --disable-pip-version-check -r scripts/peft-requirements.txt; } ||
			missing "PyTorch or PEFT could not be installed: their comparison is skipped"
	fi
	.cache/venv/bin/python -c 'import xllamacpp' 2>/dev/null ||
		.cache/venv/bin/pip install --quiet --disable-pip-version-check --no-deps xllamacpp==2026.10.11549 ||
		missing "no llama.cpp for this machine: its comparison is skipped"
	if ! .cache/venv/bin/python -c 'import babel, countryinfo, lemminflect; from pretrain.pocket import tables; tables.fetch()' 2>/dev/null; then
		{ .cache/venv/bin/pip install --quiet --disable-pip-version-check -r pretrain/pocket/requirements.txt &&
			.cache/venv/bin/python -c 'from pretrain.pocket import tables; tables.fetch()'; } ||
			missing "the pocket model's tables could not be fetched (pip, npm): its making is not tested"
	fi
	if command -v npm >/dev/null && ! [ -d .cache/webgpu/node_modules/webgpu ]; then
		npm install --silent --no-audit --no-fund --prefix .cache/webgpu webgpu@0.6.2 >&2 ||
			missing "no WebGPU for Node: it is not tested there"
	fi
	if ! .cache/venv-notebook/bin/python -c 'import anywidget, datasets, jupyterlab, marimo, notebook, pandas, pytest' 2>/dev/null; then
		echo "setup: installing JupyterLab and marimo into .cache/venv-notebook (900 MB)" >&2
		{ python3 -m venv .cache/venv-notebook && .cache/venv-notebook/bin/pip install --quiet --disable-pip-version-check -r notebook/requirements.txt; } ||
			missing "JupyterLab or marimo could not be installed: the notebook package is not tested"
	fi
fi
echo "setup: $(($(date +%s) - start)) s"
exit 0
