# SPDX-License-Identifier: MIT
EXTRA_DIST += \
	tests/bench/compare.py \
	tests/bench/figures.py \
	tests/bench/footprint \
	tests/bench/footprint.py \
	tests/bench/growth \
	tests/bench/instructions \
	tests/bench/instructions.py \
	tests/bench/peer.sh \
	tests/bench/replay.sh \
	tests/bench/run \
	tests/bench/streams.py \
	tests/bench/udmabuf-stand-in.c
